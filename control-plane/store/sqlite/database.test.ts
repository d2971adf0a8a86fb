import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  AGENT,
  aBinding,
  aChain,
  aDecision,
  aDecisionId,
  anEnrolledBinding,
  BUILD,
  NOON_MS,
} from '../../../test/support/record-builders.ts'
import { openStore } from '../open-store.ts'
import { createMigrationProvider } from './migrations.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-migration-'))
  path = join(folder, 'lanyard.db')
})
afterEach(() => rm(folder, { recursive: true }))

/** A file as the first version left it: two pods, of which one has asked, and a Job. */
async function writeFirstVersion(): Promise<void> {
  const sqlite = new Sqlite(path)
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite }) })
  const first = new Migrator({ db: kysely, provider: createMigrationProvider(sqlite) })
  await first.migrateTo('0001-bindings-workloads-decisions')
  const bind = sqlite.prepare(
    "insert into pod_binding (pod_uid, namespace, pod, root_requester, chain, bound_at_ms) values (?, 'team', ?, 'alice', ?, ?)",
  )
  for (const actors of [[AGENT, BUILD], [AGENT]]) {
    const { podUid, chain, boundAtMs } = aBinding(actors)
    bind.run(podUid, actors.at(-1)?.name, JSON.stringify(chain), boundAtMs)
  }
  sqlite
    .prepare(
      "insert into workload (uid, api_version, kind, namespace, name, chain, via) values ('job-uid', 'batch/v1', 'Job', 'team', 'job', ?, '[]')",
    )
    .run(JSON.stringify(aChain([])))
  const columns = sqlite.pragma('table_info(decision)') as { name: string; type: string }[]
  const known: Readonly<Record<string, unknown>> = {
    sequence: 1,
    revision: 1,
    id: aDecisionId(1),
    decided_at_ms: NOON_MS,
    pod_uid: AGENT.podUid,
    also_verbs: '[]',
    http_status: null,
    fault: null,
    response_bytes: null,
    completed_at_ms: null,
  }
  const values = columns.map(({ name, type }) =>
    Object.hasOwn(known, name) ? known[name] : type === 'integer' ? 0 : 'x',
  )
  sqlite.prepare(`insert into decision values (${values.map(() => '?').join(', ')})`).run(...values)
  sqlite.close()
}

test('openDatabase() keeps every row of an older file and goes on from there', async () => {
  await writeFirstVersion()
  const store = await openStore(path)
  const { renewedAtMs, ...agent } = (await store.bindings.find(AGENT.podUid)) ?? {}
  const { renewedAtMs: _, ...wanted } = anEnrolledBinding([AGENT], 2)
  expect(agent).toEqual(wanted)
  expect(renewedAtMs).toBeCloseTo(Date.now(), -5)
  // It never asked for anything: whether it ever ran is told when it enrols again.
  expect(await store.bindings.find(BUILD.podUid)).toMatchObject({ sequence: 0 })
  await store.bindings.markEnrolled(BUILD.podUid, '')
  expect(await store.bindings.find(BUILD.podUid)).toMatchObject({ sequence: 3 })
  expect(await store.workloads.find('job-uid')).toMatchObject({ name: 'job', kind: 'Job' })
  expect(await store.auditEvents.get(aDecisionId(1))).toMatchObject({ chain: aChain([AGENT]) })
  await store.auditEvents.append(aDecision(2))
  expect(await store.auditEvents.get(aDecisionId(2))).toMatchObject({ sequence: 2 })
  await store.close()
})
