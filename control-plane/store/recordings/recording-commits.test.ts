import { afterEach, beforeEach, expect, test } from 'vitest'
import { Fault } from '../../../core/fault.ts'
import {
  aNewRecording,
  openRecordingParts,
  RECORDING_ID,
  type RecordingParts,
} from '../../../test/support/recording-parts.ts'

let parts: RecordingParts
beforeEach(async () => {
  parts = await openRecordingParts()
})
afterEach(() => parts.close())

test('RecordingCommits.commit() tells those who watch once it is on disk, with the revision', async () => {
  const { changes, commits, rows } = parts
  const committed = commits.commit(RECORDING_ID, () => void rows.insert(aNewRecording()))
  expect(changes.after(0)).toEqual([])
  await committed
  expect(changes.after(0)).toEqual([{ revision: 1, id: RECORDING_ID }])
})

test('RecordingCommits.write() tells nobody, and resolves with the revision', async () => {
  const { changes, commits, rows } = parts
  expect(await commits.write(() => void rows.insert(aNewRecording()))).toBe(1)
  expect(changes.after(0)).toEqual([])
})

test('RecordingCommits.commit() throws what the write refuses, and others are written all the same', async () => {
  const { changes, commits, rows } = parts
  const refusing = commits.commit('other', () => {
    throw new Fault('binding_conflict', 'There is one')
  })
  const other = commits.commit(RECORDING_ID, () => void rows.insert(aNewRecording()))
  await expect(refusing).rejects.toMatchObject({ code: 'binding_conflict' })
  await other
  expect(changes.after(0)?.map(({ id }) => id)).toEqual([RECORDING_ID])
})

test('RecordingCommits.commit() converts what the database says, and tells nobody', async () => {
  const { changes, commits, database } = parts
  const failing = commits.commit(RECORDING_ID, () => void database.sqlite.exec('no statement'))
  await expect(failing).rejects.toMatchObject({ code: 'audit_unavailable' })
  expect(changes.after(0)).toEqual([])
})
