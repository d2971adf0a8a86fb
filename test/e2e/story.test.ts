import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { theRecords } from '../demo/records.ts'
import type { Stage } from '../demo/stage.ts'
import { theStory } from '../demo/story.ts'
import { theStage } from './cluster-setup.ts'

/* The demo's story, asserted: a real cluster, real containers, unmodified clients. */

let stage: Stage

beforeAll(async () => {
  stage = await theStage()
})

afterAll(() => stage?.close())

describe.each(theStory())('$title', ({ steps }) => {
  test.each(steps)('$name', async ({ run, wants }) => {
    const answer = await run(stage)
    for (const pattern of wants.says) expect(answer.text).toMatch(pattern)
    expect(answer.exitCode).toBe(wants.exitCode)
  })
})

test('what is on record names alice, the Job and the decision, and shows the session', async () => {
  const steps = (await theRecords(stage)).flatMap((chapter) => chapter.steps)
  expect(steps).toHaveLength(6)
  for (const { run, wants } of steps) {
    const answer = await run(stage)
    for (const pattern of wants.says) expect(answer.text).toMatch(pattern)
    expect(answer.exitCode).toBe(wants.exitCode)
  }
})
