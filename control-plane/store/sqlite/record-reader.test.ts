import { afterEach, beforeEach, expect, test } from 'vitest'
import { AGENT, aDecisionId, anOutcome, NOON_MS } from '../../../test/support/record-builders.ts'
import { openThreeDecisions } from '../../../test/support/three-decisions.ts'
import type { Database } from './database.ts'
import { RecordReader } from './record-reader.ts'
import type { RecordWriter } from './record-writer.ts'

let database: Database
let writer: RecordWriter
let reader: RecordReader

beforeEach(async () => {
  const opened = await openThreeDecisions()
  database = opened.database
  writer = opened.writer
  reader = new RecordReader(database)
})
afterEach(() => void database.close())

const ids = async (page: ReturnType<RecordReader['list']>) =>
  (await page).events.map(({ id }) => id)
const ALL = { afterSequence: 0, limit: 9 }

test('RecordReader.get() puts a decision and its outcome together', async () => {
  await writer.complete(AGENT.podUid, aDecisionId(2), anOutcome(2))
  expect(await reader.get(aDecisionId(2))).toMatchObject({ outcome: anOutcome(2) })
  expect((await reader.get(aDecisionId(1)))?.outcome).toBeUndefined()
  expect(await reader.get(aDecisionId(9))).toBeUndefined()
})

test('RecordReader.list() reads within its bounds, and changes() where something changed', async () => {
  await writer.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
  const stretch = { afterSequence: 1, untilSequence: 2, limit: 9 }
  expect(await ids(reader.list({}, stretch))).toEqual([aDecisionId(2)])
  expect(await ids(reader.list({}, { ...ALL, limit: 2 }))).toHaveLength(2)
  expect(await ids(reader.list({ namespace: 'other' }, ALL))).toEqual([])
  expect(await ids(reader.changes({}, ALL))).toEqual([2, 3, 1].map(aDecisionId))
})

test('RecordReader reads nothing that was removed, before it is swept too', async () => {
  await writer.removeOldest({
    ...{ decidedBeforeMs: Infinity, limit: 2, reason: 'age', nowMs: NOON_MS },
  })
  expect(await ids(reader.list({}, ALL))).toEqual([aDecisionId(3)])
  expect(await reader.get(aDecisionId(1))).toBeUndefined()
  expect(await reader.list({}, ALL)).toMatchObject({ removedUntil: 2, sequence: 4 })
  expect(await reader.removals(9)).toMatchObject([{ decisions: 2 }])
})

test('RecordReader leaves out nothing that is damaged: its page is audit_unavailable', async () => {
  database.sqlite.exec("update record set bytes = x'ffff' where sequence = 2")
  const damaged = { code: 'audit_unavailable' }
  await expect(reader.list({}, ALL)).rejects.toMatchObject(damaged)
  await expect(reader.get(aDecisionId(2))).rejects.toMatchObject(damaged)
  expect(await reader.get(aDecisionId(1))).toMatchObject({ id: aDecisionId(1) })
})

test('RecordReader throws audit_unavailable for a decision without its chain', async () => {
  database.sqlite.pragma('foreign_keys = OFF')
  database.sqlite.exec('delete from chain')
  await expect(reader.get(aDecisionId(1))).rejects.toMatchObject({ code: 'audit_unavailable' })
})
