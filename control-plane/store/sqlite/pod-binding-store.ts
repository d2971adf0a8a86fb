import { assert } from '../../../core/assert.ts'
import type { Visits } from '../../../core/chain-visits.ts'
import type { Cluster } from '../../../core/cluster.ts'
import { Fault } from '../../../core/fault.ts'
import { canonicalChain, parseCanonicalChain } from '../../../proto/canonical-chain.ts'
import type {
  NewPodBinding,
  PodBinding,
  PodBindingFilter,
  PodBindingPage,
  PodBindingStore,
  UnendedPod,
} from '../pod-binding-store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'
import type { ChainRow, PodBindingRow } from './database-schema.ts'
import { prepareKeepChain } from './keep-chain.ts'
import { createPodEnds, NEXT_SEQUENCE } from './pod-ends.ts'
import { parseVisits } from './stored-json.ts'

type StoredBinding = Omit<PodBindingRow, 'sequence'> & Pick<ChainRow, 'bytes'>

/** The bindings in SQLite. The chain of a binding that exists only grows. */
export function createSqlitePodBindingStore(
  db: Database,
  queue: CommitQueue,
  cluster: Cluster,
): PodBindingStore {
  return new SqlitePodBindings(db, queue, cluster)
}

class SqlitePodBindings implements PodBindingStore {
  readonly #kysely: Database['kysely']
  readonly #queue: CommitQueue
  readonly #cluster: Cluster
  readonly #statements: ReturnType<typeof prepare>
  readonly #revisions: ReturnType<typeof createRevisions>
  readonly #ends: ReturnType<typeof createPodEnds>

  constructor({ kysely, sqlite }: Database, queue: CommitQueue, cluster: Cluster) {
    this.#kysely = kysely
    this.#queue = queue
    this.#cluster = cluster
    this.#statements = prepare(sqlite)
    this.#revisions = createRevisions(sqlite)
    this.#ends = createPodEnds(sqlite)
    this.#statements.adopt.run(cluster.id, cluster.name)
  }

  async record(binding: NewPodBinding): Promise<PodBinding> {
    const pod = binding.chain.actors.at(-1)
    assert(pod?.podUid === binding.podUid, 'a chain is bound to its last pod')
    const digest = Buffer.from(canonicalChain(binding.chain).digest)
    await this.#queue.commit(() => {
      this.#statements.keepChain(binding)
      this.#statements.insert.run(
        binding.podUid,
        pod.namespace,
        pod.name,
        binding.chain.rootRequester.username,
        digest,
        binding.boundAtMs,
        binding.beganAtMs,
        binding.renewedAtMs,
        this.#cluster.id,
        this.#cluster.name,
      )
    })
    const stored = await this.find(binding.podUid)
    assert(stored !== undefined, 'the row exists after the transaction that ensured it')
    if (!digest.equals(canonicalChain(stored.chain).digest)) {
      throw new Fault(
        'binding_conflict',
        'Cannot bind the pod: it already belongs to another chain',
      )
    }
    return stored
  }

  async find(podUid: string): Promise<PodBinding | undefined> {
    try {
      const row = await select(this.#kysely)
        .where('pod_binding.pod_uid', '=', podUid)
        .executeTakeFirst()
      return row === undefined ? undefined : fromRow(row)
    } catch (error) {
      throw unreadable(error)
    }
  }

  async newestOfName(namespace: string, pod: string): Promise<string | undefined> {
    return readable(() => this.#statements.newestOfName.get(namespace, pod)?.pod_uid)
  }

  markEnrolled(podUid: string, sidecarVersion: string): Promise<void> {
    return this.#queue.commit(() => {
      this.#statements.enrol.run(podUid)
      this.#statements.noteVersion.run(sidecarVersion, podUid, sidecarVersion)
    })
  }

  async revise(
    podUid: string,
    change: (known: PodBinding) => Pick<PodBinding, 'chain' | 'visits'>,
  ): Promise<PodBinding | undefined> {
    let revised: PodBinding | Fault | undefined
    await this.#queue.commit(() => {
      revised = this.#revisions.revise(podUid, change)
    })
    if (revised instanceof Fault) throw revised
    return revised
  }

  async list(
    filter: PodBindingFilter,
    page: { readonly afterSequence: number; readonly limit: number },
  ): Promise<PodBindingPage> {
    try {
      // First: what enrols between the two reads must not count as read.
      const newest = await this.#kysely
        .selectFrom('pod_binding')
        .select((on) => on.fn.max('enrolled_sequence').as('sequence'))
        .executeTakeFirst()
      let query = select(this.#kysely).where('enrolled_sequence', '>', page.afterSequence)
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

  async markEnded(podUids: readonly string[], endedAtMs: number): Promise<readonly string[]> {
    let noted: readonly string[] = []
    await this.#queue.commit(() => {
      noted = podUids.filter((podUid) => this.#ends.mark(podUid, endedAtMs))
    })
    return noted
  }

  async forgetEnded(endedBeforeMs: number, limit: number): Promise<number> {
    let forgotten = 0
    await this.#queue.commit(() => {
      forgotten = this.#ends.forget(endedBeforeMs, limit)
    })
    return forgotten
  }

  async listUnended(page: {
    readonly afterPosition: number
    readonly limit: number
  }): Promise<readonly UnendedPod[]> {
    return readable(() => this.#ends.listUnended(page))
  }

  async countRunning(): Promise<number> {
    return readable(this.#ends.countRunning)
  }

  onCommit(listener: () => void): () => void {
    return this.#queue.onCommit(listener)
  }
}

function prepare(sqlite: Database['sqlite']) {
  return {
    insert: sqlite.prepare<unknown[]>(
      'insert into pod_binding (pod_uid, namespace, pod, root_requester, chain_digest, bound_at_ms, began_at_ms, renewed_at_ms, cluster_id, cluster_name) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (pod_uid) do nothing',
    ),
    keepChain: prepareKeepChain(sqlite),
    newestOfName: sqlite.prepare<[string, string], Pick<PodBindingRow, 'pod_uid'>>(
      'select pod_uid from pod_binding indexed by pod_binding_by_name where namespace = ? and pod = ? order by sequence desc limit 1',
    ),
    enrol: sqlite.prepare<unknown[]>(
      `update pod_binding set enrolled_sequence = ${NEXT_SEQUENCE}, first_sequence = ${NEXT_SEQUENCE} where pod_uid = ? and enrolled_sequence is null`,
    ),
    noteVersion: sqlite.prepare<unknown[]>(
      'update pod_binding set sidecar_version = ? where pod_uid = ? and sidecar_version <> ?',
    ),
    // Chains that are older than the column: until then a file was of one cluster only.
    adopt: sqlite.prepare<unknown[]>(
      "update pod_binding set cluster_id = ?, cluster_name = ? where cluster_id = ''",
    ),
  }
}

function select(kysely: Database['kysely']) {
  return kysely
    .selectFrom('pod_binding')
    .innerJoin('chain', 'chain.digest', 'pod_binding.chain_digest')
    .selectAll('pod_binding')
    .select('chain.bytes')
}

/** What is done inside a transaction. */
function createRevisions(sqlite: Database['sqlite']) {
  const select = sqlite.prepare<[string], StoredBinding>(
    'select pod_binding.*, chain.bytes from pod_binding join chain on chain.digest = pod_binding.chain_digest where pod_binding.pod_uid = ?',
  )
  const update = sqlite.prepare<unknown[]>(
    'update pod_binding set chain_digest = ?, growth = ?, visits = ? where pod_uid = ?',
  )
  const keepChain = prepareKeepChain(sqlite)
  const move = sqlite.prepare<unknown[]>(
    `update pod_binding set enrolled_sequence = ${NEXT_SEQUENCE} where pod_uid = ? and enrolled_sequence is not null`,
  )

  function write(known: PodBinding, next: Pick<PodBinding, 'chain' | 'visits'>): void {
    const grew = next.chain !== known.chain
    const growth = known.growth + (grew ? 1 : 0)
    keepChain({ podUid: known.podUid, chain: next.chain })
    const digest = Buffer.from(canonicalChain(next.chain).digest)
    update.run(digest, growth, JSON.stringify(next.visits), known.podUid)
    const names = ({ visitors }: Visits) => visitors.map(({ username }) => username).join('\n')
    if (grew || names(next.visits) !== names(known.visits)) move.run(known.podUid)
  }

  return {
    revise(
      podUid: string,
      change: (known: PodBinding) => Pick<PodBinding, 'chain' | 'visits'>,
    ): PodBinding | Fault | undefined {
      const row = select.get(podUid)
      if (row === undefined) return undefined
      const known = fromRow(row)
      const next = attempt(() => change(known))
      if (next instanceof Fault) return next
      if (next.chain === known.chain && next.visits === known.visits) return known
      write(known, next)
      const written = select.get(podUid)
      return written === undefined ? undefined : fromRow(written)
    },
  }
}

/** A refusal by whoever revises is told to them; it is none of the database. */
function attempt<Value>(change: () => Value): Value | Fault {
  try {
    return change()
  } catch (error) {
    return Fault.from(error)
  }
}

function readable<Answer>(read: () => Answer): Answer {
  try {
    return read()
  } catch (error) {
    throw unreadable(error)
  }
}

function unreadable(cause: unknown): Fault {
  return new Fault('audit_unavailable', 'Cannot read the chains', { cause })
}

function fromRow(row: StoredBinding): PodBinding {
  return {
    podUid: row.pod_uid,
    chain: parseCanonicalChain(row.bytes, row.chain_digest),
    boundAtMs: row.bound_at_ms,
    beganAtMs: row.began_at_ms,
    renewedAtMs: row.renewed_at_ms,
    growth: row.growth,
    visits: parseVisits(row.visits),
    sequence: row.enrolled_sequence ?? 0,
    firstSequence: row.first_sequence ?? 0,
    cluster: { id: row.cluster_id, name: row.cluster_name },
    sidecarVersion: row.sidecar_version,
    ...(row.ended_at_ms === null ? {} : { endedAtMs: row.ended_at_ms }),
  }
}
