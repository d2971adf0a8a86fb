import { afterEach, beforeEach, expect, test } from 'vitest'
import { aDecision, aDecisionId, NOON_MS } from '../../../test/support/record-builders.ts'
import { openThreeDecisions } from '../../../test/support/three-decisions.ts'
import type { Database } from './database.ts'
import type { RecordWriter } from './record-writer.ts'
import { RemovedRecords } from './removed-records.ts'

let database: Database
let writer: RecordWriter
let removed: RemovedRecords

beforeEach(async () => {
  const opened = await openThreeDecisions()
  database = opened.database
  writer = opened.writer
  removed = new RemovedRecords(database)
})
afterEach(() => void database.close())

const DUE = { decidedBeforeMs: Infinity, limit: 9, reason: 'age', nowMs: NOON_MS } as const

test('RemovedRecords.next() takes the oldest, up to a count, and up to the first that may not go', () => {
  expect(removed.next({ ...DUE, limit: 2 })).toMatchObject({
    ...{ decisions: 2, records: 2, firstId: aDecisionId(1), lastId: aDecisionId(2) },
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  const { decidedAtMs } = aDecision(2)
  expect(removed.next({ ...DUE, decidedBeforeMs: decidedAtMs })).toMatchObject({ decisions: 1 })
  expect(removed.next({ ...DUE, decidedBeforeMs: 0 })).toBeUndefined()
})

test('RemovedRecords.next() has another digest for other records', () => {
  const digests = [1, 2, 3].map((limit) => removed.next({ ...DUE, limit })?.sha256)
  expect(new Set(digests).size).toBe(3)
})

test('RemovedRecords.sweep() takes rows away only once their removal is on record', async () => {
  expect([removed.until(), removed.sweep(9)]).toEqual([0, 0])
  await writer.removeOldest({ ...DUE, limit: 2 })
  expect([removed.until(), removed.sweep(1), removed.sweep(9), removed.sweep(9)]).toEqual([
    2, 1, 1, 0,
  ])
})

test('RemovedRecords.forget() sweeps again what a failed transaction gave back', async () => {
  await writer.removeOldest(DUE)
  database.sqlite.exec('begin')
  expect(removed.sweep(9)).toBe(3)
  database.sqlite.exec('rollback')
  expect(removed.sweep(9)).toBe(0)
  removed.forget()
  expect(removed.sweep(9)).toBe(3)
})
