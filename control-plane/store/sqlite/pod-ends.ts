import type { UnendedPod } from '../pod-binding-store.ts'
import type { Database } from './database.ts'

/** The sequence of the next change that readers of chains are told. */
export const NEXT_SEQUENCE = '(select coalesce(max(enrolled_sequence), 0) + 1 from pod_binding)'

interface UnendedRow {
  readonly pod_uid: string
  readonly namespace: string
  readonly pod: string
  readonly bound_at_ms: number
  readonly sequence: number
  readonly enrolled_sequence: number | null
}

/** Statements about pods that ended. `mark` is called inside a transaction. */
export function createPodEnds(sqlite: Database['sqlite']) {
  const mark = sqlite.prepare<unknown[]>(
    'update pod_binding set ended_at_ms = ? where pod_uid = ? and ended_at_ms is null',
  )
  // A pod that another one of its name has followed is shown to nobody, and must not become the newest again.
  const move = sqlite.prepare<unknown[]>(
    `update pod_binding set enrolled_sequence = ${NEXT_SEQUENCE} where pod_uid = ? and enrolled_sequence is not null and not exists (select 1 from pod_binding as later where later.namespace = pod_binding.namespace and later.pod = pod_binding.pod and later.enrolled_sequence > pod_binding.enrolled_sequence)`,
  )
  const unended = sqlite.prepare<[number, number], UnendedRow>(
    'select pod_uid, namespace, pod, bound_at_ms, sequence, enrolled_sequence from pod_binding indexed by pod_binding_unended where ended_at_ms is null and sequence > ? order by sequence limit ?',
  )
  const running = sqlite.prepare<[], { readonly pods: number }>(
    'select count(*) as pods from pod_binding indexed by pod_binding_unended where ended_at_ms is null and enrolled_sequence is not null',
  )
  const ended = sqlite.prepare<[number, number], { readonly pod_uid: string }>(
    'select pod_uid from pod_binding indexed by pod_binding_ended where ended_at_ms < ? order by ended_at_ms limit ?',
  )
  // Not while a record rests on one of its chains, whatever the clock said when it was made.
  const forgetPod = sqlite.prepare<[string, string]>(
    'delete from pod_binding where pod_uid = ? and not exists (select 1 from chain where chain.pod_uid = ?)',
  )
  const forgetChains = sqlite.prepare<[string]>(
    'delete from chain where pod_uid = ? and not exists (select 1 from record where record.chain_digest = chain.digest)',
  )
  return {
    /** Whether the pod is on record and had not ended. */
    mark(podUid: string, endedAtMs: number): boolean {
      if (mark.run(endedAtMs, podUid).changes === 0) return false
      move.run(podUid)
      return true
    },
    listUnended({
      afterPosition,
      limit,
    }: {
      readonly afterPosition: number
      readonly limit: number
    }): readonly UnendedPod[] {
      return unended.all(afterPosition, limit).map((row) => ({
        podUid: row.pod_uid,
        namespace: row.namespace,
        name: row.pod,
        boundAtMs: row.bound_at_ms,
        enrolled: row.enrolled_sequence !== null,
        position: row.sequence,
      }))
    },
    /** Inside a transaction; how many pods are forgotten. */
    forget(endedBeforeMs: number, limit: number): number {
      const pods = ended.all(endedBeforeMs, limit)
      return pods.filter(({ pod_uid: podUid }) => {
        forgetChains.run(podUid)
        return forgetPod.run(podUid, podUid).changes > 0
      }).length
    },
    countRunning: () => running.get()?.pods ?? 0,
  }
}
