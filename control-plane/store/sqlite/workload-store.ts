import { sql } from 'kysely'
import type { Via } from '../../../core/chain.ts'
import { Fault } from '../../../core/fault.ts'
import { canonicalChain, parseCanonicalChain, sha256 } from '../../../proto/canonical-chain.ts'
import type { ObjectTouch, Workload, WorkloadStore } from '../workload-store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'
import type { WorkloadRow } from './database-schema.ts'
import { parseSeenCodes, parseTouches, parseViaList } from './stored-json.ts'

/** Workloads of one transaction: more would hold up decisions. */
const BATCH = 200

/** Who made what, in SQLite; each write is on disk when its promise resolves. */
export function createSqliteWorkloadStore(db: Database, queue: CommitQueue): WorkloadStore {
  const { sqlite, kysely } = db
  const upsert = sqlite.prepare<unknown[]>(
    'insert into workload (uid, api_version, kind, namespace, name, chain, via, controller_uid, generation, touches, seen_codes, looked_at_generation, began_at_ms, renewed_at_ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (uid) do update set chain = excluded.chain, via = excluded.via, controller_uid = excluded.controller_uid, generation = excluded.generation, touches = excluded.touches, seen_codes = excluded.seen_codes, looked_at_generation = excluded.looked_at_generation, began_at_ms = excluded.began_at_ms, renewed_at_ms = excluded.renewed_at_ms',
  )
  const select = sqlite.prepare<[string], WorkloadRow>('select * from workload where uid = ?')
  const selectAfter = sqlite.prepare<[string, string, number], WorkloadRow>(
    'select * from workload where namespace = ? and uid > ? order by uid limit ?',
  )

  /** Inside a transaction. */
  function write(known: Workload | undefined, next: Workload): void {
    if (next !== known) upsert.run(...toValues(next))
  }

  return {
    async find(uid) {
      try {
        const row = await kysely
          .selectFrom('workload')
          .selectAll()
          .where('uid', '=', uid)
          .executeTakeFirst()
        return row === undefined ? undefined : fromRow(row)
      } catch (error) {
        throw unreadable(error)
      }
    },
    async revise(uid, revise) {
      let revised: Workload | Fault | undefined
      await queue.commit(() => {
        const row = select.get(uid)
        const known = row === undefined ? undefined : fromRow(row)
        revised = attempt(() => revise(known))
        if (!(revised instanceof Fault)) write(known, revised)
      })
      if (revised === undefined || revised instanceof Fault) throw Fault.from(revised)
      return revised
    },
    async reviseNamespace(namespace, revise) {
      let after = ''
      let read = BATCH
      while (read === BATCH) {
        await queue.commit(() => {
          const rows = selectAfter.all(namespace, after, BATCH)
          for (const known of rows.map(fromRow)) write(known, revise(known))
          read = rows.length
          after = rows.at(-1)?.uid ?? after
        })
      }
    },
    async touchesOf(namespace, objects) {
      try {
        const found = await Promise.all(
          objects.map((object) => touchesOf(kysely, namespace, object)),
        )
        return found.flat()
      } catch (error) {
        throw unreadable(error)
      }
    },
    namespaces: () => namespacesOf(kysely),
  }
}

async function namespacesOf(kysely: Database['kysely']): Promise<readonly string[]> {
  try {
    const rows = await kysely.selectFrom('workload').select('namespace').distinct().execute()
    return rows.map(({ namespace }) => namespace)
  } catch (error) {
    throw unreadable(error)
  }
}

/** The newest object of a name is the one that was written last: rows are never moved. */
async function touchesOf(
  kysely: Database['kysely'],
  namespace: string,
  { kind, name }: Via,
): Promise<readonly ObjectTouch[]> {
  const row = await kysely
    .selectFrom('workload')
    .select('touches')
    .where('namespace', '=', namespace)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .orderBy(sql`rowid`, 'desc')
    .limit(1)
    .executeTakeFirst()
  const touches = parseTouches(row?.touches ?? '[]')
  return touches.map((touch) => ({ kind, name, ...touch }))
}

/** A refusal by whoever revises is not one of the database: it is told to them alone. */
function attempt(revise: () => Workload): Workload | Fault {
  try {
    return revise()
  } catch (error) {
    return Fault.from(error)
  }
}

function unreadable(cause: unknown): Fault {
  return new Fault('audit_unavailable', 'Cannot read the registry', { cause })
}

function fromRow(row: WorkloadRow): Workload {
  const { uid, api_version: apiVersion, kind, namespace, name, controller_uid: controllerUid } = row
  const chain = parseCanonicalChain(row.chain, sha256(row.chain))
  const via = parseViaList(row.via)
  const touches = parseTouches(row.touches)
  const { generation, looked_at_generation: lookedAtGeneration } = row
  const seenCodes = parseSeenCodes(row.seen_codes)
  return {
    ...{ uid, apiVersion, kind, namespace, name, chain, via, controllerUid },
    ...{ seenCodes, lookedAtGeneration },
    ...{ generation, touches, beganAtMs: row.began_at_ms, renewedAtMs: row.renewed_at_ms },
  }
}

function toValues(workload: Workload): readonly (string | number | Buffer)[] {
  const { uid, apiVersion, kind, namespace, name, chain, via, controllerUid } = workload
  return [
    uid,
    apiVersion,
    kind,
    namespace,
    name,
    Buffer.from(canonicalChain(chain).bytes),
    JSON.stringify(via),
    controllerUid,
    workload.generation,
    JSON.stringify(workload.touches),
    JSON.stringify(workload.seenCodes),
    workload.lookedAtGeneration,
    workload.beganAtMs,
    workload.renewedAtMs,
  ]
}
