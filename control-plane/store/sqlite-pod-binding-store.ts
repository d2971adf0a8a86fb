import { assert } from '../../core/assert.ts'
import type { DelegationChain } from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'
import type { PodBindingRow } from './database-schema.ts'
import type {
  PodBinding,
  PodBindingFilter,
  PodBindingPage,
  PodBindingStore,
} from './pod-binding-store.ts'

type StoredRow = Omit<PodBindingRow, 'sequence'>

/** The bindings in SQLite. The chain of a binding that exists is never changed. */
export function createSqlitePodBindingStore(db: Database, queue: CommitQueue): PodBindingStore {
  const { kysely, sqlite } = db
  const insert = sqlite.prepare<unknown[]>(
    'insert into pod_binding (pod_uid, namespace, pod, root_requester, chain, bound_at_ms) values (?, ?, ?, ?, ?, ?) on conflict (pod_uid) do nothing',
  )
  const enrol = sqlite.prepare<unknown[]>(
    'update pod_binding set enrolled_sequence = (select coalesce(max(enrolled_sequence), 0) + 1 from pod_binding) where pod_uid = ? and enrolled_sequence is null',
  )

  async function record(binding: Omit<PodBinding, 'sequence'>): Promise<PodBinding> {
    const pod = binding.chain.actors.at(-1)
    assert(pod?.podUid === binding.podUid, 'a chain is bound to its last pod')
    const chain = JSON.stringify(binding.chain)
    await queue.commit(() => {
      insert.run(
        binding.podUid,
        pod.namespace,
        pod.name,
        binding.chain.rootRequester.username,
        chain,
        binding.boundAtMs,
      )
    })
    const stored = await find(binding.podUid)
    assert(stored !== undefined, 'the row exists after the transaction that ensured it')
    if (JSON.stringify(stored.chain) !== chain) {
      throw new Fault(
        'binding_conflict',
        'Cannot bind the pod: it already belongs to another chain',
      )
    }
    return stored
  }

  async function find(podUid: string): Promise<PodBinding | undefined> {
    try {
      const row = await kysely
        .selectFrom('pod_binding')
        .selectAll()
        .where('pod_uid', '=', podUid)
        .executeTakeFirst()
      return row === undefined ? undefined : fromRow(row)
    } catch (error) {
      throw unreadable(error)
    }
  }

  function markEnrolled(podUid: string): Promise<void> {
    return queue.commit(() => {
      enrol.run(podUid)
    })
  }

  async function list(
    filter: PodBindingFilter,
    page: { readonly afterSequence: number; readonly limit: number },
  ): Promise<PodBindingPage> {
    try {
      // First: what enrols between the two reads must not count as read.
      const newest = await kysely
        .selectFrom('pod_binding')
        .select((on) => on.fn.max('enrolled_sequence').as('sequence'))
        .executeTakeFirst()
      let query = kysely
        .selectFrom('pod_binding')
        .selectAll()
        .where('enrolled_sequence', '>', page.afterSequence)
      if (filter.namespace !== undefined) query = query.where('namespace', '=', filter.namespace)
      if (filter.pod !== undefined) query = query.where('pod', '=', filter.pod)
      if (filter.rootRequester !== undefined) {
        query = query.where('root_requester', '=', filter.rootRequester)
      }
      const rows = await query.orderBy('enrolled_sequence').limit(page.limit).execute()
      return { bindings: rows.map(fromRow), sequence: newest?.sequence ?? 0 }
    } catch (error) {
      throw unreadable(error)
    }
  }

  return { record, find, markEnrolled, list, onCommit: (listener) => queue.onCommit(listener) }
}

function unreadable(cause: unknown): Fault {
  return new Fault('audit_unavailable', 'Cannot read the chains', { cause })
}

function fromRow(row: StoredRow): PodBinding {
  return {
    podUid: row.pod_uid,
    chain: JSON.parse(row.chain) as DelegationChain,
    boundAtMs: row.bound_at_ms,
    sequence: row.enrolled_sequence ?? 0,
  }
}
