import { setImmediate as letOthersRun } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { limitScripts } from './limit-scripts.ts'

test('limitScripts() reads 200 scripts in a turn, and again in the next', async () => {
  const read: string[] = []
  const reader = limitScripts((script) => {
    read.push(script)
    return []
  })
  const answers = Array.from({ length: 1_000 }, (_, at) => reader(`echo ${at}`))
  expect(answers.filter((answer) => typeof answer === 'string')).toHaveLength(800)
  expect(answers[200]).toMatch(/too many scripts/)
  expect(read).toHaveLength(200)
  await letOthersRun()
  expect(reader('echo again')).toEqual([])
})
