import type { Generated } from 'kysely'

/* Rows as they are stored. Lists and objects are JSON; records and chains are canonical bytes. */

export interface PodBindingRow {
  readonly sequence: Generated<number>
  readonly pod_uid: string
  readonly namespace: string
  readonly pod: string
  readonly root_requester: string
  /** Of its chain by now; former ones stay in `chain`. */
  readonly chain_digest: Buffer
  readonly bound_at_ms: number
  /** Null until the pod's sidecar has enrolled. */
  readonly enrolled_sequence: number | null
  readonly first_sequence: number | null
  readonly began_at_ms: number
  readonly renewed_at_ms: number
  /** How often the chain has grown. */
  readonly growth: number
  readonly visits: string
  readonly cluster_id: string
  readonly cluster_name: string
  /** Empty until a sidecar has said which it is. */
  readonly sidecar_version: string
  /** When the pod was seen to have ended; null while it has not. */
  readonly ended_at_ms: number | null
}

export interface WorkloadRow {
  readonly uid: string
  readonly api_version: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** Chain of whoever made it, without the pods that it will make: its canonical bytes. */
  readonly chain: Buffer
  readonly via: string
  /** UID of the object that controls it; empty when none does. */
  readonly controller_uid: string
  /** metadata.generation at the last change that chose code. */
  readonly generation: number
  /** Who touched it last without choosing code, as JSON. */
  readonly touches: string
  /** What chose code at the last writes that were seen, as JSON. */
  readonly seen_codes: string
  readonly looked_at_generation: number
  readonly began_at_ms: number
  readonly renewed_at_ms: number
}

/** A chain of a pod, as it is or once was. */
export interface ChainRow {
  /** SHA-256 of the bytes. */
  readonly digest: Buffer
  /** The pod whose chain it is: its last. */
  readonly pod_uid: string
  /** Canonical bytes of lanyard.v1.DelegationChain. */
  readonly bytes: Buffer
}

/** One record, never changed. What is null belongs to another kind of record. */
export interface RecordRow {
  readonly sequence: number
  /** Sequence of the decision that a later record is about. */
  readonly about: number | null
  /** 0 is a decision, 1 its outcome, 2 a count of refusals, 3 a removal, 4 an import, 5 a change of an access request. */
  readonly kind: number
  /** Canonical bytes of lanyard.v1.Record: what counts. */
  readonly bytes: Buffer
  /** The rest is said by the bytes too, and stands here for filters. */
  readonly id: string | null
  readonly decided_at_ms: number | null
  readonly namespace: string | null
  readonly pod: string | null
  readonly root_requester: string | null
  readonly verb: string | null
  readonly resource: string | null
  /** 0 denies, 1 allows, 2 holds. */
  readonly effect: number | null
  readonly chain_digest: Buffer | null
  /** Sequence of the last decision that a removal took. */
  readonly removed_until: number | null
}

export interface DatabaseSchema {
  readonly pod_binding: PodBindingRow
  readonly chain: ChainRow
  readonly workload: WorkloadRow
  readonly record: RecordRow
}
