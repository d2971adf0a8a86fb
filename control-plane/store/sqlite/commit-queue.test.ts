import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { assert } from '../../../core/assert.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { type CommitQueue, createCommitQueue } from './commit-queue.ts'

let sqlite: Sqlite.Database
let queue: CommitQueue
let transactions: string[]
let syncs: { done: number; failing: boolean }
let clock: ManualClock

beforeEach(() => {
  sqlite = new Sqlite(':memory:')
  sqlite.exec('create table entry (name text primary key)')
  transactions = []
  clock = new ManualClock()
  syncs = { done: 0, failing: false }
  const syncLog = () => {
    syncs.done += 1
    // As node:fs throws it.
    assert(!syncs.failing, 'EIO')
  }
  queue = createCommitQueue({ sqlite, syncLog }, (result) => void transactions.push(result), clock)
})

afterEach(() => void sqlite.close())

const add = (name: string) => () => void sqlite.prepare('insert into entry values (?)').run(name)
const names = () => sqlite.prepare('select name from entry order by rowid').pluck().all()

describe('createCommitQueue', () => {
  test('puts what comes in one turn into one transaction', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => queue.commit(add(name))))
    expect(names()).toEqual(['a', 'b', 'c'])
    expect(transactions).toEqual(['ok'])
  })

  test('lets what may come soon wait for others, and keeps the order', async () => {
    const soon = queue.commit(add('outcome'), 'soon')
    await clock.advance(9)
    expect(names()).toEqual([])
    await Promise.all([soon, queue.commit(add('decision'))])
    expect(names()).toEqual(['outcome', 'decision'])
    expect(transactions).toEqual(['ok'])
    // Nothing waits any more for its own time.
    expect(clock.waiting).toBe(0)
  })

  test('commits what may come soon by itself when nothing else comes', async () => {
    const both = Promise.all([queue.commit(add('a'), 'soon'), queue.commit(add('b'), 'soon')])
    await clock.advance(10)
    await both
    expect(names()).toEqual(['a', 'b'])
    expect(transactions).toEqual(['ok'])
  })

  test('does not wait for the disk where nobody needs to, and does where one needs it', async () => {
    await queue.commit(add('swept'), 'unsynced')
    expect([names(), syncs.done]).toEqual([['swept'], 0])
    await Promise.all([queue.commit(add('removed'), 'unsynced'), queue.commit(add('decision'))])
    expect([transactions, syncs.done]).toEqual([['ok', 'ok'], 1])
  })

  test('commits the others of a transaction in which one write is at fault', async () => {
    const results = await Promise.allSettled(['a', 'a', 'b'].map((n) => queue.commit(add(n))))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(names()).toEqual(['a', 'b'])
  })

  test('has the log synced once for each transaction, before anybody is told', async () => {
    const synced = async (name: string) => {
      await queue.commit(add(name))
      return syncs.done
    }
    expect(await Promise.all(['a', 'b', 'c'].map(synced))).toEqual([1, 1, 1])
    expect(await synced('d')).toBe(2)
  })

  test('tells everyone of a transaction that the disk did not take it, and takes nothing else', async () => {
    syncs.failing = true
    const results = await Promise.allSettled(['a', 'b'].map((name) => queue.commit(add(name))))
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: 'audit_unavailable' } },
      { status: 'rejected', reason: { code: 'audit_unavailable' } },
    ])
    expect(transactions).toEqual(['failed'])
    syncs.failing = false
    await expect(queue.commit(add('c'))).rejects.toMatchObject({ code: 'audit_unavailable' })
    await expect(queue.probe()).rejects.toMatchObject({ code: 'audit_unavailable' })
    expect(names()).not.toContain('c')
    expect(queue.doubt()).toBe('the disk did not take what was committed')
  })

  test('takes turns, so that one pod with many writes does not hold up another', async () => {
    const flood = { root: 'alice', pod: 'flood' }
    const many = Array.from({ length: 2_000 }, (_, n) => queue.commit(add(`m${n}`), 'now', flood))
    await queue.commit(add('other'), 'now', { root: 'bob', pod: 'other' })
    expect(transactions).toHaveLength(1)
    expect(queue.waiting()).toBeGreaterThan(1_000)
    await Promise.all(many)
    const written = names().filter((name) => name !== 'other')
    expect(written).toEqual(many.map((_, n) => `m${n}`))
  })

  test('refuses what is beyond the share of one pod, and takes what is of another', async () => {
    const flood = { root: 'alice', pod: 'flood' }
    const many = Array.from({ length: 4_097 }, (_, n) => queue.commit(add(`m${n}`), 'now', flood))
    await expect(many.at(-1)).rejects.toMatchObject({ code: 'overloaded' })
    await queue.commit(add('other'), 'now', { root: 'alice', pod: 'other' })
    await Promise.all(many.slice(0, -1))
  })

  test.each([
    ['too many', 4_096 + 1, ['overloaded']],
    ['not too many', 4_096, []],
  ])(
    'refuses no write of its own, however many wait of a pod: %s',
    async (_name, count, faults) => {
      const flood = { root: 'alice', pod: 'flood' }
      const many = Array.from({ length: count }, (_, n) =>
        queue.commit(add(`m${n}`), 'soon', flood),
      )
      const results = Promise.allSettled(many)
      const own = queue.commit(add('own'), 'soon')
      await clock.advance(10)
      await own
      const codes = (await results).flatMap((one) =>
        one.status === 'rejected' ? [one.reason.code] : [],
      )
      expect(codes).toEqual(faults)
    },
  )
})

describe('a transaction that fails', () => {
  test('rejects every write of it, keeps nothing of it, and is a problem until the next', async () => {
    let told = 0
    const stop = queue.onCommit(() => {
      told += 1
    })
    const broken = () => {
      throw new Sqlite.SqliteError('disk I/O error', 'SQLITE_IOERR')
    }
    const writes = [queue.commit(add('a')), queue.commit(broken), queue.commit(add('b'))]
    const results = await Promise.allSettled(writes)
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect([names(), transactions, told]).toEqual([[], ['failed'], 0])
    expect(queue.problem()).toBe('Cannot put the decision on record')
    await queue.probe()
    expect([queue.problem(), transactions, told]).toEqual([undefined, ['failed', 'ok'], 1])
    stop()
    await queue.commit(add('c'))
    expect([names(), told]).toEqual([['c'], 1])
  })
})
