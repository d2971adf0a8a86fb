import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeEarlierDatabase } from '../../../test/support/earlier-database.ts'
import {
  AGENT,
  aChain,
  aDecision,
  aDecisionId,
  BUILD,
} from '../../../test/support/record-builders.ts'
import { openStore } from '../open-store.ts'
import type { Store } from '../store.ts'

const DECISIONS = 2_500
let folder: string
let path: string
let store: Store | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-records-'))
  path = join(folder, 'lanyard.db')
  await writeEarlierDatabase(path, DECISIONS)
})
afterEach(async () => {
  await store?.close()
  store = undefined
  await rm(folder, { recursive: true })
})

interface Earlier {
  readonly id: string
  readonly revision: number
  readonly completed_at_ms: number | null
}

function earlierRows(): readonly Earlier[] {
  const sqlite = new Sqlite(path, { readonly: true })
  const rows = sqlite.prepare<[], Earlier>(
    'select id, revision, completed_at_ms from decision order by sequence',
  )
  const all = rows.all()
  sqlite.close()
  return all
}

const everything = { afterSequence: 0, limit: DECISIONS + 1 }

test('recordLog() keeps every decision, in order, with its chain and what became of it', async () => {
  const earlier = earlierRows()
  store = await openStore(path)
  const { events } = await store.auditEvents.list({}, everything)
  expect(events.map(({ id }) => id)).toEqual(earlier.map(({ id }) => id))
  expect(events.map(({ outcome }) => outcome?.completedAtMs ?? null)).toEqual(
    earlier.map((row) => row.completed_at_ms),
  )
  const agent = aChain([AGENT])
  expect(events[0]).toMatchObject({ chain: agent, cluster: { id: 'cluster-uid', name: 'west' } })
  expect(events[1]).toMatchObject({ chain: { coRequesters: [{ username: 'bob' }] } })
  expect(events[2]).toMatchObject({ chain: aChain([AGENT, BUILD]), caller: BUILD })
  expect(events[4]?.attributes).toMatchObject({ alsoVerbs: ['get'], exec: { container: 'web' } })
  expect(events[90]?.summary).toMatchObject({ count: 40, samples: ['get /a', 'get /b'] })
  expect(events[16]?.impersonatedUser).toMatchObject({ username: 'carol' })
  expect(await store.workloads.find('job-uid')).toMatchObject({ chain: aChain([]) })
  expect(await store.bindings.find(AGENT.podUid)).toMatchObject({ growth: 1, sequence: 1 })
})

test('recordLog() lets whoever watched from a number of before miss nothing', async () => {
  const earlier = earlierRows()
  store = await openStore(path)
  const { sequence } = await store.auditEvents.list({}, { afterSequence: 0, limit: 1 })
  expect(sequence).toBe(Math.max(...earlier.map(({ revision }) => revision)))
  for (const after of [0, 1, 2, 3, 700, 1_999, sequence - 1, sequence]) {
    const { events } = await store.auditEvents.changes({}, { ...everything, afterSequence: after })
    const told = new Set(events.map(({ id }) => id))
    const changed = earlier.filter(({ revision }) => revision > after)
    expect(changed.filter(({ id }) => !told.has(id))).toEqual([])
  }
  await store.auditEvents.append(aDecision(DECISIONS + 1))
  expect(await store.auditEvents.get(aDecisionId(DECISIONS + 1))).toMatchObject({
    sequence: sequence + 1,
  })
})

test('recordLog() tells how far it is, and leaves the file as it was when it fails', async () => {
  const sqlite = new Sqlite(path)
  sqlite.prepare("update decision set exec = '{' where sequence = 2000").run()
  sqlite.close()
  await expect(openStore(path)).rejects.toMatchObject({ code: 'audit_unavailable' })
  expect(earlierRows()).toHaveLength(DECISIONS)
  const mend = new Sqlite(path)
  mend.prepare("update decision set exec = '' where sequence = 2000").run()
  mend.close()
  const told: (readonly number[])[] = []
  store = await openStore(path, { onMigration: (...progress) => void told.push(progress) })
  expect(told).toEqual([
    [1_000, DECISIONS],
    [2_000, DECISIONS],
  ])
  const migrated = new Sqlite(path, { readonly: true })
  expect(migrated.pragma('auto_vacuum', { simple: true })).toBe(2)
  migrated.close()
})
