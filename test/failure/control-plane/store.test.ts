import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore } from '../../../control-plane/store/open-store.ts'
import { createSqliteAuditEventStore } from '../../../control-plane/store/sqlite/audit-event-store.ts'
import { createCommitQueue } from '../../../control-plane/store/sqlite/commit-queue.ts'
import { type Database, openDatabase } from '../../../control-plane/store/sqlite/database.ts'
import { createSqlitePodBindingStore } from '../../../control-plane/store/sqlite/pod-binding-store.ts'
import { createSqliteWorkloadStore } from '../../../control-plane/store/sqlite/workload-store.ts'
import type { Store } from '../../../control-plane/store/store.ts'
import { UNKNOWN_CLUSTER } from '../../../core/cluster.ts'
import {
  AGENT,
  aBinding,
  aDecision,
  aDecisionId,
  anOutcome,
} from '../../support/record-builders.ts'

/* The database is full, locked, read-only, or its process is killed: nothing counts as recorded that is not. */

let folder: string
let path: string
let store: Store | undefined
let database: Database | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-store-'))
  path = join(folder, 'lanyard.db')
})

afterEach(async () => {
  await store?.close().catch(() => undefined)
  database?.close()
  store = undefined
  database = undefined
  await rm(folder, { recursive: true, force: true })
})

/** Ids of the decisions that another reader of the file finds. */
function idsOnDisk(): readonly string[] {
  const reader = new Sqlite(path, { readonly: true })
  try {
    const rows = reader.prepare('select id from record where kind = 0 order by sequence').all()
    return (rows as { id: string }[]).map(({ id }) => id)
  } finally {
    reader.close()
  }
}

const refused = { code: 'audit_unavailable' }

test('a locked database refuses, says so, and records again once it is free', async () => {
  store = await openStore(path)
  await store.bindings.record(aBinding([AGENT]))
  const other = new Sqlite(path)
  other.exec('begin immediate')
  await expect(store.auditEvents.append(aDecision(1))).rejects.toMatchObject(refused)
  expect(store.problem()).toBeDefined()
  await expect(store.probe()).rejects.toMatchObject(refused)
  other.exec('rollback')
  other.close()
  await store.probe()
  expect(store.problem()).toBeUndefined()
  await store.auditEvents.append(aDecision(2))
  expect(idsOnDisk()).toEqual([aDecisionId(2)])
})

test('a table that cannot be read refuses, whatever is asked of it', async () => {
  database = await openDatabase(path)
  const queue = createCommitQueue(database)
  const bindings = createSqlitePodBindingStore(database, queue, UNKNOWN_CLUSTER)
  const workloads = createSqliteWorkloadStore(database, queue)
  database.sqlite.exec('drop table pod_binding; drop table workload')
  await expect(bindings.find(AGENT.podUid)).rejects.toMatchObject(refused)
  await expect(bindings.list({}, { afterSequence: 0, limit: 1 })).rejects.toMatchObject(refused)
  await expect(bindings.markEnrolled(AGENT.podUid, '')).rejects.toMatchObject(refused)
  await expect(workloads.find('job-uid')).rejects.toMatchObject(refused)
})

describe('a database that cannot grow', () => {
  test('refuses everyone of the transaction, keeps what was there, and records again once it can', async () => {
    database = await openDatabase(path)
    const queue = createCommitQueue(database)
    const events = createSqliteAuditEventStore(database, queue)
    await createSqlitePodBindingStore(database, queue, UNKNOWN_CLUSTER).record(aBinding([AGENT]))
    await events.append(aDecision(1))
    const pages = database.sqlite.pragma('page_count', { simple: true })
    database.sqlite.pragma(`max_page_count = ${String(pages)}`)
    const longPath = `/${'x'.repeat(2_000)}`
    const many = Array.from({ length: 50 }, (_, index) => {
      const event = aDecision(index + 2)
      return events.append({ ...event, attributes: { ...event.attributes, path: longPath } })
    })
    const results = await Promise.allSettled(many)
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['rejected']))
    expect(results[0]).toMatchObject({ reason: { ...refused, cause: { code: 'SQLITE_FULL' } } })
    expect(idsOnDisk()).toEqual([aDecisionId(1)])
    database.sqlite.pragma('max_page_count = 1000000')
    await events.append(aDecision(99))
    expect(idsOnDisk()).toEqual([aDecisionId(1), aDecisionId(99)])
    // The numbers go on without a gap: what failed used none.
    expect((await events.list({}, { afterSequence: 0, limit: 9 })).events).toMatchObject([
      { sequence: 1, lastSequence: 1 },
      { sequence: 2, lastSequence: 2 },
    ])
  })
})

test('a read-only database refuses, and records again once it may', async () => {
  database = await openDatabase(path)
  const queue = createCommitQueue(database)
  const events = createSqliteAuditEventStore(database, queue)
  database.sqlite.pragma('query_only = ON')
  await expect(events.append(aDecision(1))).rejects.toMatchObject({
    ...refused,
    cause: { code: 'SQLITE_READONLY' },
  })
  expect(queue.problem()).toBeDefined()
  await expect(queue.probe()).rejects.toMatchObject(refused)
  database.sqlite.pragma('query_only = OFF')
  await queue.probe()
  expect(queue.problem()).toBeUndefined()
  await events.append(aDecision(2))
  expect(idsOnDisk()).toEqual([aDecisionId(2)])
})

test('a database that cannot be read says so, to each who reads the audit', async () => {
  store = await openStore(path)
  const { auditEvents } = store
  await store.close()
  store = undefined
  const reads = [
    auditEvents.get(aDecisionId(1)),
    auditEvents.list({}, { afterSequence: 0, limit: 1 }),
    auditEvents.changes({}, { afterSequence: 0, limit: 1 }),
  ]
  const results = await Promise.allSettled(reads)
  expect(results).toMatchObject(Array(3).fill({ status: 'rejected', reason: refused }))
})

test('a write that is itself at fault is refused alone', async () => {
  store = await openStore(path)
  const results = await Promise.allSettled([
    store.auditEvents.append(aDecision(1)),
    store.auditEvents.append(aDecision(1)),
    store.auditEvents.append({ ...aDecision(2), decidedAtMs: {} as number }),
    store.auditEvents.append(aDecision(3)),
  ])
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ])
  expect(store.problem()).toBeUndefined()
  expect(idsOnDisk()).toEqual([aDecisionId(1), aDecisionId(3)])
})

test('an outcome reaches only the decision of its own pod', async () => {
  store = await openStore(path)
  await store.bindings.record(aBinding([AGENT]))
  await store.auditEvents.append(aDecision(1))
  await store.auditEvents.complete('another-pod', aDecisionId(1), anOutcome(1))
  expect((await store.auditEvents.get(aDecisionId(1)))?.outcome).toBeUndefined()
  await store.auditEvents.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
  await store.auditEvents.complete(AGENT.podUid, aDecisionId(1), anOutcome(1, { httpStatus: 1 }))
  expect((await store.auditEvents.get(aDecisionId(1)))?.outcome).toEqual(anOutcome(1))
})

test.each(['deleted', 'replaced'])('a file that was %s is told as doubt', async (how) => {
  store = await openStore(path)
  await store.auditEvents.append(aDecision(1))
  expect(store.doubt()).toBeUndefined()
  await rm(path)
  const replace = how === 'replaced' ? new Sqlite(path) : undefined
  replace?.exec('create table t (x)')
  expect(store.doubt()).toContain(how)
  replace?.close()
})

/** A module of the repository, as a program that runs elsewhere imports it. */
const file = (path: string) => JSON.stringify(join(import.meta.dirname, '../../..', path))

/**
 * Runs a program with a volume of its own, 1 MiB in memory, that goes with it. The program is given
 * `append`, which says what became of one decision, and gives back what it prints as JSON.
 */
async function onOwnVolume(program: string): Promise<unknown> {
  const source = `
import { execFileSync } from 'node:child_process'
import { rmSync, writeSync, openSync, closeSync } from 'node:fs'
import { openStore } from ${file('control-plane/store/open-store.ts')}
import { AGENT, aBinding, aDecision } from ${file('test/support/record-builders.ts')}
const path = process.argv[1] + '/lanyard.db'
const outcome = (promise) => promise.then(() => 'recorded', (error) => error.code + ' ' + error.cause?.code)
const append = (store, number) => outcome(store.auditEvents.append(aDecision(number)))
const said = {}
${program}
process.stdout.write(JSON.stringify(said))
`
  const mounted = `mount -t tmpfs -o size=1m lanyard-test ${folder} && exec "$@"`
  const node = [process.execPath, '--input-type=module', '-e', source, folder]
  const { stdout } = await promisify(execFile)('unshare', [
    '-m',
    'sh',
    '-c',
    mounted,
    'sh',
    ...node,
  ])
  return JSON.parse(stdout)
}

describe.skipIf(process.getuid?.() !== 0)('a volume', () => {
  test('that is full refuses, keeps what was there, and records again once there is room', async () => {
    const said = await onOwnVolume(`
const store = await openStore(path)
await store.bindings.record(aBinding([AGENT]))
said.before = await append(store, 1)
const filler = openSync(process.argv[1] + '/filler', 'w')
try {
  for (;;) writeSync(filler, Buffer.alloc(4096))
} catch (error) {
  said.filler = error.code
}
closeSync(filler)
// What SQLite has room for already is used up first.
const many = []
for (let number = 2; number < 300 && many.at(-1) !== 'audit_unavailable SQLITE_FULL'; number += 1) many.push(await append(store, number))
said.full = many.at(-1)
said.problem = store.problem() !== undefined
said.probe = await outcome(store.probe())
said.kept = (await store.auditEvents.list({}, { afterSequence: 0, limit: 1000 })).events.length === many.filter((one) => one === 'recorded').length + 1
rmSync(process.argv[1] + '/filler')
said.probeAfter = await outcome(store.probe())
said.after = await append(store, 1000)
said.problemAfter = store.problem() !== undefined
said.found = (await store.auditEvents.get(aDecision(1000).id))?.id === aDecision(1000).id
await store.close()
`)
    expect(said).toEqual({
      before: 'recorded',
      filler: 'ENOSPC',
      full: 'audit_unavailable SQLITE_FULL',
      problem: true,
      probe: 'audit_unavailable SQLITE_FULL',
      kept: true,
      probeAfter: 'recorded',
      after: 'recorded',
      problemAfter: false,
      found: true,
    })
  })

  test('that is read-only opens no store, and the next start goes on from what was there', async () => {
    const said = await onOwnVolume(`
const first = await openStore(path)
await first.bindings.record(aBinding([AGENT]))
said.before = await append(first, 1)
await first.close()
execFileSync('mount', ['-o', 'remount,ro', process.argv[1]])
said.readOnly = await outcome(openStore(path))
execFileSync('mount', ['-o', 'remount,rw', process.argv[1]])
const next = await openStore(path)
said.after = await append(next, 2)
said.found = (await next.auditEvents.list({}, { afterSequence: 0, limit: 9 })).events.map(({ sequence }) => sequence)
await next.close()
`)
    expect(said).toEqual({
      before: 'recorded',
      readOnly: expect.stringMatching(/^audit_unavailable SQLITE_/),
      after: 'recorded',
      found: [1, 2],
    })
  })
})

describe('openDatabase()', () => {
  test('keeps a write-ahead log and holds references', async () => {
    database = await openDatabase(path)
    expect(database.sqlite.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(database.sqlite.pragma('foreign_keys', { simple: true })).toBe(1)
    // NORMAL: whoever commits has the log synced.
    expect(database.sqlite.pragma('synchronous', { simple: true })).toBe(1)
  })

  test('migrates once, and keeps every row the next times', async () => {
    store = await openStore(path)
    await store.bindings.record(aBinding([AGENT]))
    await store.auditEvents.append(aDecision(1))
    await store.close()
    const before = schemaAndRows()
    for (const _again of [1, 2]) await (await openStore(path)).close()
    store = undefined
    expect(schemaAndRows()).toEqual(before)
    expect(idsOnDisk()).toEqual([aDecisionId(1)])
  })
})

/** The whole file as another reader finds it. */
function schemaAndRows(): unknown {
  const reader = new Sqlite(path, { readonly: true })
  try {
    const schema = reader.prepare('select name, sql from sqlite_master order by name').all()
    const tables = (schema as { name: string; sql: string | null }[])
      .filter(({ sql }) => sql?.startsWith('CREATE TABLE') === true)
      .map(({ name }) => name)
    return { schema, rows: tables.map((name) => reader.prepare(`select * from "${name}"`).all()) }
  } finally {
    reader.close()
  }
}

/** Records as fast as it can, and says each id once its write has resolved. */
const WRITER = `
import { openStore } from ${JSON.stringify(join(import.meta.dirname, '../../../control-plane/store/open-store.ts'))}
import { AGENT, aBinding, aDecision, aDecisionId } from ${JSON.stringify(join(import.meta.dirname, '../../support/record-builders.ts'))}
const store = await openStore(process.argv[1])
await store.bindings.record(aBinding([AGENT]))
let next = 1
async function write() {
  for (;;) {
    const number = next++
    await store.auditEvents.append(aDecision(number))
    process.stdout.write(aDecisionId(number) + '\\n')
  }
}
for (let i = 0; i < 16; i += 1) void write()
`

async function killedAfter(writer: ChildProcess, milliseconds: number): Promise<string> {
  let told = ''
  writer.stdout?.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  while (told === '') await pause(5)
  await pause(milliseconds)
  const closed = new Promise((resolve) => writer.once('close', resolve))
  writer.kill('SIGKILL')
  await closed
  return told
}

test('a process killed at any moment loses nothing that it had said was recorded', async () => {
  for (const milliseconds of [20, 90, 170, 330]) {
    const writer = spawn(process.execPath, ['--input-type=module', '-e', WRITER, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const told = (await killedAfter(writer, milliseconds)).split('\n').slice(0, -1)
    expect(told.length).toBeGreaterThan(0)
    const stored = new Set(idsOnDisk())
    expect(told.filter((id) => !stored.has(id))).toEqual([])
    // What was cut short is whole or not there, and the next start goes on from it.
    store = await openStore(path)
    const { events } = await store.auditEvents.list({}, { afterSequence: 0, limit: 1 })
    expect(events[0]).toMatchObject({ sequence: 1, effect: 'allow' })
    await store.close()
    store = undefined
    await rm(folder, { recursive: true, force: true })
    folder = await mkdtemp(join(tmpdir(), 'lanyard-store-'))
    path = join(folder, 'lanyard.db')
  }
})
