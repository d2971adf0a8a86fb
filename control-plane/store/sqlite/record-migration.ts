import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { Database as SqliteDatabase } from 'better-sqlite3'
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { DelegationChain } from '../../../core/chain.ts'
import { textKey } from '../../../core/text-key.ts'
import { canonicalChain, parseCanonicalChain } from '../../../proto/canonical-chain.ts'
import { outcomeBytes, refusalsBytes } from '../record-bytes.ts'
import { type EarlierDecision, orphanChain, outcomeOf, toDecisionPart } from './earlier-decision.ts'
import { DECISION_COLUMNS, KINDS, toDecisionValues } from './record-row.ts'

/** Told while records move: how many have, of how many. */
export type OnProgress = (done: number, of: number) => void

/** Chains that are remembered in the form of objects. */
const CHAINS_MAX = 1_000
/** Rows between two turns of the event loop. */
const BATCH = 1_000

/**
 * Decisions become records that are written once, as canonical bytes; chains are kept by their digest.
 * A row that was changed in place becomes two records: the decision, and what was learned of it later.
 */
export function recordLog(sqlite: SqliteDatabase, onProgress: OnProgress): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await createTables(db)
      moveChains(sqlite)
      await moveDecisions(sqlite, onProgress)
      for (const table of ['decision', 'former_chain', 'moved_chain']) {
        await db.schema.dropTable(table).execute()
      }
      await sql`alter table pod_binding drop column chain`.execute(db)
    },
  }
}

async function createTables(db: Kysely<unknown>): Promise<void> {
  await sql`create table chain (digest blob primary key, pod_uid text not null, bytes blob not null) without rowid`.execute(
    db,
  )
  await sql`create index chain_by_pod on chain (pod_uid)`.execute(db)
  await sql`alter table pod_binding add column chain_digest blob not null default x''`.execute(db)
  await sql`create table record (
    sequence integer primary key,
    about integer,
    kind integer not null,
    bytes blob not null,
    id text,
    decided_at_ms integer,
    namespace text,
    pod text,
    root_requester text,
    verb text,
    resource text,
    effect integer,
    chain_digest blob,
    removed_until integer
  )`.execute(db)
  await sql`create unique index record_by_id on record (id) where id is not null`.execute(db)
  await sql`create index record_by_decision on record (about) where about is not null`.execute(db)
  await sql`create index record_by_chain on record (chain_digest) where chain_digest is not null`.execute(
    db,
  )
  await sql`create index record_removals on record (removed_until) where kind = 3`.execute(db)
  await sql`create index pod_binding_ended on pod_binding (ended_at_ms) where ended_at_ms is not null`.execute(
    db,
  )
  await sql`create table moved_chain (pod_uid text not null, growth integer not null, digest blob not null, primary key (pod_uid, growth)) without rowid`.execute(
    db,
  )
}

interface EarlierChain {
  readonly pod_uid: string
  readonly growth: number
  readonly chain: string
}

function moveChains(sqlite: SqliteDatabase): void {
  const keep = sqlite.prepare(
    'insert or ignore into chain (digest, pod_uid, bytes) values (?, ?, ?)',
  )
  const note = sqlite.prepare('insert into moved_chain (pod_uid, growth, digest) values (?, ?, ?)')
  const bind = sqlite.prepare('update pod_binding set chain_digest = ? where pod_uid = ?')
  const select = (table: string) =>
    sqlite
      .prepare<[], EarlierChain>(`select pod_uid, growth, chain from ${table} order by pod_uid`)
      .all()
  for (const table of ['former_chain', 'pod_binding']) {
    for (const { pod_uid: podUid, growth, chain } of select(table)) {
      const { digest, bytes } = canonicalChain(JSON.parse(chain) as DelegationChain)
      keep.run(Buffer.from(digest), podUid, Buffer.from(bytes))
      note.run(podUid, growth, Buffer.from(digest))
      if (table === 'pod_binding') bind.run(Buffer.from(digest), podUid)
    }
  }
  const workloads = sqlite.prepare<[], { uid: string; chain: string }>(
    'select uid, chain from workload',
  )
  const rewrite = sqlite.prepare('update workload set chain = ? where uid = ?')
  for (const { uid, chain } of workloads.all()) {
    rewrite.run(Buffer.from(canonicalChain(JSON.parse(chain) as DelegationChain).bytes), uid)
  }
}

/**
 * Whoever watches from a number of before misses nothing: the last record about a decision keeps the
 * number of the last change, and a decision that was changed since gets a lower one that is free.
 */
async function moveDecisions(sqlite: SqliteDatabase, onProgress: OnProgress): Promise<void> {
  const { read, total, append, appendLater, isTaken } = prepare(sqlite)
  const chains = createChains(sqlite)
  const of = total.get() ?? 0
  let [after, sequence, done] = [0, 0, 0]
  for (;;) {
    const rows = read.all(after, BATCH)
    for (const row of rows) {
      if (wasChanged(row)) {
        do sequence += 1
        while (isTaken.get(sequence) !== undefined)
      } else sequence = row.revision
      const decision = toDecisionPart(row, chains(row))
      append.run(sequence, ...toDecisionValues(decision))
      const outcome = outcomeOf(row)
      if (outcome !== undefined) {
        const bytes = Buffer.from(outcomeBytes(row.id, outcome))
        appendLater.run(row.revision, sequence, KINDS.outcome, bytes)
      } else if (wasChanged(row) && decision.summary !== undefined) {
        const bytes = Buffer.from(refusalsBytes(row.id, decision.summary))
        appendLater.run(row.revision, sequence, KINDS.refusals, bytes)
      }
    }
    done += rows.length
    after = rows.at(-1)?.sequence ?? after
    if (rows.length < BATCH) break
    onProgress(done, of)
    await letOthersRun()
  }
}

function prepare(sqlite: SqliteDatabase) {
  const columns = ['sequence', ...DECISION_COLUMNS]
  return {
    read: sqlite.prepare<[number, number], EarlierDecision>(
      'select decision.*, cluster_id, cluster_name from decision left join pod_binding on pod_binding.pod_uid = decision.pod_uid where decision.sequence > ? order by decision.sequence limit ?',
    ),
    total: sqlite.prepare<[], number>('select count(*) from decision').pluck(),
    append: sqlite.prepare<unknown[]>(
      `insert into record (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`,
    ),
    appendLater: sqlite.prepare<unknown[]>(
      'insert into record (sequence, about, kind, bytes) values (?, ?, ?, ?)',
    ),
    isTaken: sqlite.prepare<[number], unknown>(
      'select 1 from decision where revision = ? and (completed_at_ms is not null or refusals > 1)',
    ),
  }
}

/** Whether its revision is that of a later change, not of the decision itself. */
function wasChanged({ completed_at_ms: completedAtMs, refusals }: EarlierDecision): boolean {
  return completedAtMs !== null || (refusals ?? 1) > 1
}

/** The chain of each decision; one whose pod is not on record gets what the decision itself says. */
function createChains(sqlite: SqliteDatabase): (row: EarlierDecision) => DelegationChain {
  const find = sqlite.prepare<[string, number], { digest: Buffer; bytes: Buffer }>(
    'select chain.digest, chain.bytes from moved_chain join chain on chain.digest = moved_chain.digest where moved_chain.pod_uid = ? and growth = ?',
  )
  const keep = sqlite.prepare(
    'insert or ignore into chain (digest, pod_uid, bytes) values (?, ?, ?)',
  )
  const recent = new Map<string, DelegationChain>()
  return (row) => {
    const key = textKey([row.pod_uid, String(row.growth)])
    const known = recent.get(key)
    if (known !== undefined) return known
    const found = find.get(row.pod_uid, row.growth)
    const chain =
      found === undefined ? orphanChain(row) : parseCanonicalChain(found.bytes, found.digest)
    if (found === undefined) {
      const { digest, bytes } = canonicalChain(chain)
      keep.run(Buffer.from(digest), row.pod_uid, Buffer.from(bytes))
    }
    if (recent.size >= CHAINS_MAX) recent.clear()
    recent.set(key, chain)
    return chain
  }
}
