import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../cluster/cluster.ts'
import { installLanyard } from '../cluster/lanyard.ts'
import { theRecords } from '../demo/records.ts'
import { type Stage, setTheStage } from '../demo/stage.ts'
import { theStory } from '../demo/story.ts'

/* The demo's story, asserted: a real cluster, real containers, unmodified clients. */

let cluster: Cluster
let stage: Stage

beforeAll(async () => {
  cluster = await startCluster({ name: 'e2e', log: (line) => process.stderr.write(`${line}\n`) })
  await installLanyard(cluster, (line) => process.stderr.write(`${line}\n`))
  stage = await setTheStage(cluster)
})

afterAll(async () => {
  await stage?.close()
  await cluster?.stop()
})

describe.each(theStory())('$title', ({ steps }) => {
  test.each(steps)('$name', async ({ run, wants }) => {
    const answer = await run(stage)
    for (const pattern of wants.says) expect(answer.text).toMatch(pattern)
    expect(answer.exitCode).toBe(wants.exitCode)
  })
})

test('what is on record names alice, the Job and the decision', async () => {
  const steps = (await theRecords(stage)).flatMap((chapter) => chapter.steps)
  expect(steps).toHaveLength(4)
  for (const { run, wants } of steps) {
    const answer = await run(stage)
    for (const pattern of wants.says) expect(answer.text).toMatch(pattern)
    expect(answer.exitCode).toBe(wants.exitCode)
  }
})
