import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CommitQueue, createCommitQueue } from './commit-queue.ts'

let sqlite: Sqlite.Database
let queue: CommitQueue
let transactions: string[]

beforeEach(() => {
  sqlite = new Sqlite(':memory:')
  sqlite.exec('create table entry (name text primary key)')
  transactions = []
  queue = createCommitQueue(sqlite, (result) => void transactions.push(result))
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
    await new Promise((resolve) => setImmediate(resolve))
    expect(names()).toEqual([])
    await Promise.all([soon, queue.commit(add('decision'))])
    expect(names()).toEqual(['outcome', 'decision'])
    expect(transactions).toEqual(['ok'])
  })

  test('commits what may come soon by itself when nothing else comes', async () => {
    await Promise.all([queue.commit(add('a'), 'soon'), queue.commit(add('b'), 'soon')])
    expect(names()).toEqual(['a', 'b'])
    expect(transactions).toEqual(['ok'])
  })

  test('commits the others of a transaction in which one write is at fault', async () => {
    const results = await Promise.allSettled(['a', 'a', 'b'].map((n) => queue.commit(add(n))))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(names()).toEqual(['a', 'b'])
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
})
