import { expect, test } from 'vitest'
import { RecordingChanges } from './recording-changes.ts'

test('RecordingChanges.after() tells what is newer, and nothing of before the process began', () => {
  const changes = new RecordingChanges(7)
  changes.add({ revision: 8, id: 'a' })
  changes.add({ revision: 9, id: 'b' })
  expect(changes.after(7)?.map(({ id }) => id)).toEqual(['a', 'b'])
  expect(changes.after(8)?.map(({ id }) => id)).toEqual(['b'])
  expect(changes.after(9)).toEqual([])
  expect(changes.after(6)).toBeUndefined()
  expect(changes.forgottenUntil).toBe(7)
})

test('RecordingChanges forgets the oldest, and says so', () => {
  const changes = new RecordingChanges(0)
  for (let revision = 1; revision <= 4_001; revision += 1) changes.add({ revision, id: 'a' })
  expect(changes.forgottenUntil).toBe(2_001)
  expect(changes.after(2_000)).toBeUndefined()
  expect(changes.after(2_001)).toHaveLength(2_000)
})

test('RecordingChanges calls who listens after each change and each chunk, until they stop', () => {
  const changes = new RecordingChanges(0)
  const heard: string[] = []
  const stop = changes.listen(() => heard.push('one'))
  changes.listen(() => heard.push('other'))
  changes.tell()
  stop()
  changes.add({ revision: 1, id: 'a' })
  expect(heard).toEqual(['one', 'other', 'other'])
})
