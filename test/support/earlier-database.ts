import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import { createMigrationProvider } from '../../control-plane/store/sqlite/migrations.ts'
import type { DelegationChain } from '../../core/chain.ts'
import { AGENT, aChain, aDecisionId, aUser, BUILD, NOON_MS } from './record-builders.ts'

/* A file as it was before records were written once, with rows of every kind. */

const LAST_BEFORE = '0025-pod-ends'
/** A chain of `AGENT` before it grew by bob. */
const YOUNG: DelegationChain = aChain([AGENT])
const GROWN: DelegationChain = { ...YOUNG, coRequesters: [aUser('bob')] }

/** One row of a decision: what differs from an allowed get that has ended. */
interface EarlierRow {
  readonly [column: string]: string | number | null
}

/** Every eleventh is still open, every seventh refused, every thirteenth sums up, every fifth an exec. */
function rowOf(number: number): EarlierRow {
  const open = number % 11 === 0
  const refused = number % 7 === 0
  const summed = refused && number % 13 === 0
  const exec = number % 5 === 0
  const pod = number % 3 === 0 ? BUILD : AGENT
  return {
    id: aDecisionId(number),
    decided_at_ms: NOON_MS + number * 1_000,
    pod_uid: pod.podUid,
    namespace: pod.namespace,
    pod: pod.name,
    container: 'agent',
    root_requester: 'alice',
    verb: exec ? 'create' : 'get',
    also_verbs: exec ? 'get' : '',
    resource_request: 1,
    api_group: '',
    api_version: 'v1',
    resource: 'pods',
    subresource: exec ? 'exec' : '',
    target_namespace: 'team',
    target_name: `web-${number}`,
    path: `/api/v1/namespaces/team/pods/web-${number}`,
    effect: refused ? 0 : 1,
    reason: refused ? 'rbac_denies' : 'rbac_allows',
    refused_by: refused ? 'alice' : '',
    rule: '',
    observed: 0,
    user_agent: 'kubectl/v1.34.4 (linux/amd64)',
    message: refused ? 'pods is forbidden' : '',
    impersonated_user: number % 17 === 0 ? JSON.stringify(aUser('carol')) : '',
    http_status: open || refused ? null : 200,
    fault: open || refused ? null : '',
    response_bytes: open || refused ? null : 1_234,
    completed_at_ms: open || refused ? null : NOON_MS + number * 1_000 + 20,
    refusals: summed ? 40 : null,
    last_at_ms: summed ? NOON_MS + number * 1_000 + 500 : null,
    samples: summed ? '["get /a","get /b"]' : null,
    growth: pod === AGENT && number % 2 === 0 ? 1 : 0,
    exec: exec ? EXEC : '',
    port_forward: '',
    obligations: '',
    matches: '',
  }
}

const EXEC = JSON.stringify({
  ...{ command: ['sh', '-c', 'ls'], stdin: false, stdout: true, stderr: true, tty: false },
  ...{ container: 'web', env: [] },
})

/**
 * Writes a file with so many decisions. Each that was changed after it was written has a revision of its
 * own for that, as it would have had: its outcome came after the two decisions that followed.
 */
export async function writeEarlierDatabase(path: string, decisions: number): Promise<void> {
  const sqlite = new Sqlite(path)
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite }) })
  const migrator = new Migrator({ db: kysely, provider: createMigrationProvider(sqlite) })
  sqlite.exec('begin')
  await migrator.migrateTo(LAST_BEFORE)
  writePods(sqlite)
  const columns = ['sequence', 'revision', ...Object.keys(rowOf(1))]
  const places = columns.map((name) => `@${name}`).join(', ')
  const insert = sqlite.prepare(`insert into decision (${columns.join(', ')}) values (${places})`)
  for (const { number, revision } of revisions(decisions)) {
    insert.run({ ...rowOf(number), sequence: number, revision })
  }
  sqlite.exec('commit')
  sqlite.close()
}

function* revisions(decisions: number) {
  let revision = 0
  let waiting: number[] = []
  for (let number = 1; number <= decisions; number += 1) {
    revision += 1
    const { completed_at_ms: completedAtMs, refusals } = rowOf(number)
    if (completedAtMs === null && refusals === null) yield { number, revision }
    else waiting.push(number)
    if (waiting.length === 3 || number === decisions) {
      for (const earlier of waiting) {
        revision += 1
        yield { number: earlier, revision }
      }
      waiting = []
    }
  }
}

function writePods(sqlite: Sqlite.Database): void {
  const bind = sqlite.prepare(
    "insert into pod_binding (pod_uid, namespace, pod, root_requester, chain, bound_at_ms, enrolled_sequence, first_sequence, began_at_ms, renewed_at_ms, growth, cluster_id, cluster_name) values (?, 'team', ?, 'alice', ?, ?, ?, ?, ?, ?, ?, 'cluster-uid', 'west')",
  )
  const pods = [
    { pod: AGENT, chain: GROWN, growth: 1 },
    { pod: BUILD, chain: aChain([AGENT, BUILD]), growth: 0 },
  ]
  for (const [index, { pod, chain, growth }] of pods.entries()) {
    const times = [NOON_MS, index + 1, index + 1, NOON_MS, NOON_MS]
    bind.run(pod.podUid, pod.name, JSON.stringify(chain), ...times, growth)
  }
  sqlite
    .prepare('insert into former_chain (pod_uid, growth, chain) values (?, 0, ?)')
    .run(AGENT.podUid, JSON.stringify(YOUNG))
  sqlite
    .prepare(
      "insert into workload (uid, api_version, kind, namespace, name, chain, via) values ('job-uid', 'batch/v1', 'Job', 'team', 'job', ?, '[]')",
    )
    .run(JSON.stringify(aChain([])))
}
