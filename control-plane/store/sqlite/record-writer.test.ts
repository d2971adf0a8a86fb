import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AGENT,
  aBinding,
  aChain,
  aDecision,
  aDecisionId,
  anOutcome,
  aRefusal,
  BUILD,
  NOON_MS,
} from '../../../test/support/record-builders.ts'
import { openStore } from '../open-store.ts'
import type { Store } from '../store.ts'
import { createCommitQueue } from './commit-queue.ts'
import { type Database, openDatabase } from './database.ts'
import { RecordWriter } from './record-writer.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanyard-records-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('RecordWriter finds what it no longer remembers', () => {
  let store: Store
  const reopen = async () => {
    await store.close()
    store = await openStore(join(folder, 'lanyard.db'))
  }
  const outcomeOf = async (number: number) =>
    (await store.auditEvents.get(aDecisionId(number)))?.outcome

  beforeEach(async () => {
    store = await openStore(join(folder, 'lanyard.db'))
    await store.auditEvents.append(aDecision(1))
    await reopen()
  })
  afterEach(() => store.close())

  test('a decision of before it was started, which gets the first outcome of its own pod', async () => {
    const { auditEvents } = store
    await auditEvents.complete(BUILD.podUid, aDecisionId(1), anOutcome(1, { httpStatus: 500 }))
    expect(await outcomeOf(1)).toBeUndefined()
    await auditEvents.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
    await auditEvents.complete(AGENT.podUid, aDecisionId(1), anOutcome(1, { httpStatus: 500 }))
    expect(await outcomeOf(1)).toEqual(anOutcome(1))
  })

  test('that a decision has an outcome already', async () => {
    await store.auditEvents.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
    await reopen()
    const other = anOutcome(1, { httpStatus: 500 })
    await store.auditEvents.complete(AGENT.podUid, aDecisionId(1), other)
    expect(await outcomeOf(1)).toEqual(anOutcome(1))
  })

  test('a chain that was forgotten with its pod, and keeps it again', async () => {
    const chain = aChain([AGENT])
    const [early, late] = [2, 3].map((number) => ({ ...aDecision(number), chain }))
    await store.bindings.record(aBinding([AGENT], { chain }))
    await store.auditEvents.append(early ?? aDecision(2))
    await store.bindings.markEnded([AGENT.podUid], NOON_MS)
    const all = { limit: 9, reason: 'age', nowMs: NOON_MS, decidedBeforeMs: Infinity } as const
    await store.auditEvents.removeOldest(all)
    // Its rows rest on the chain until they are swept.
    expect(await store.bindings.forgetEnded(Infinity, 9)).toBe(0)
    await store.auditEvents.sweep(9)
    expect(await store.bindings.forgetEnded(Infinity, 9)).toBe(1)
    await store.auditEvents.append(late ?? aDecision(3))
    expect(await store.auditEvents.get(aDecisionId(3))).toMatchObject({ chain })
  })

  test('the place of a decision whose transaction failed: none', async () => {
    const twice = [store.auditEvents.append(aDecision(2)), store.auditEvents.append(aDecision(2))]
    const results = await Promise.allSettled(twice)
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await store.auditEvents.complete(AGENT.podUid, aDecisionId(2), anOutcome(2))
    await store.auditEvents.append(aDecision(3))
    expect(await outcomeOf(2)).toEqual(anOutcome(2))
    expect(await store.auditEvents.list({}, { afterSequence: 1, limit: 9 })).toMatchObject({
      events: [{ sequence: 2 }, { sequence: 4 }],
    })
  })
})

describe('RecordWriter sweeps what was removed', () => {
  const all = { limit: 9, reason: 'age', nowMs: NOON_MS, decidedBeforeMs: Infinity } as const
  let db: Database
  let writer: RecordWriter
  const open = async () => {
    db = await openDatabase(join(folder, 'lanyard.db'))
    writer = new RecordWriter(db, createCommitQueue(db))
  }
  const rows = () => db.sqlite.prepare('select count(*) from record').pluck().get()

  beforeEach(async () => {
    await open()
    for (const number of [1, 2, 3]) await writer.append(aDecision(number))
    await writer.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
    await writer.removeOldest(all)
    await writer.append(aDecision(4))
  })
  afterEach(() => db.close())

  test('a few at a time, with what was recorded about them, and nothing that is kept', async () => {
    const left: unknown[] = []
    for (let step = 0; step < 3; step += 1) left.push(await writer.sweep(2), rows())
    // Four records, one removal, and a decision that is kept; two decisions with one outcome go first.
    expect(left).toEqual([2, 3, 1, 2, 0, 2])
  })

  test('after a process that was ended between the two', async () => {
    db.close()
    await open()
    expect(await writer.sweep(9)).toBe(3)
    expect(rows()).toBe(2)
  })

  test('again after a transaction that failed', async () => {
    db.sqlite.exec(
      'create trigger refuse before delete on record begin select raise(abort, "no"); end',
    )
    await expect(writer.sweep(9)).rejects.toMatchObject({ code: 'audit_unavailable' })
    db.sqlite.exec('drop trigger refuse')
    expect(await writer.sweep(9)).toBe(3)
  })
})

describe('RecordWriter counts', () => {
  const DECISIONS = 64
  let database: Database
  let counts: { statements: number; commits: number }
  let writer: RecordWriter

  beforeEach(async () => {
    database = await openDatabase(join(folder, 'lanyard.db'))
    counts = { statements: 0, commits: 0 }
    const queue = createCommitQueue(database, () => {
      counts.commits += 1
    })
    writer = new RecordWriter({ ...database, sqlite: counting(database.sqlite, counts) }, queue)
    await writer.append(aDecision(1))
    counts = Object.assign(counts, { statements: 0, commits: 0 })
  })
  afterEach(() => database.close())

  test('one statement for a decision and one for its outcome, and one commit for all at a time', async () => {
    const numbers = Array.from({ length: DECISIONS }, (_, index) => index + 2)
    const { chain } = aDecision(1)
    await Promise.all(numbers.map((number) => writer.append({ ...aDecision(number), chain })))
    expect(counts).toEqual({ statements: DECISIONS + 1, commits: 1 })
    const complete = (number: number) =>
      writer.complete(AGENT.podUid, aDecisionId(number), anOutcome(number))
    const outcomes = numbers.map(complete)
    // An outcome has no transaction of its own while decisions come.
    await writer.append({ ...aRefusal(DECISIONS + 9), chain })
    await Promise.all(outcomes)
    expect(counts).toEqual({ statements: 2 * DECISIONS + 2, commits: 2 })
  })
})

/** The handle, which counts what is run on it. */
function counting(sqlite: Database['sqlite'], counts: { statements: number }): Database['sqlite'] {
  const prepare = ((source: string) => {
    const statement = sqlite.prepare(source)
    const run = statement.run.bind(statement)
    statement.run = (...values: unknown[]) => {
      counts.statements += 1
      return run(...values)
    }
    const get = statement.get.bind(statement)
    statement.get = (...values: unknown[]) => {
      counts.statements += 1
      return get(...values)
    }
    return statement
  }) as Database['sqlite']['prepare']
  return { prepare, inTransaction: false } as Database['sqlite']
}
