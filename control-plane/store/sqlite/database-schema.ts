import type { Generated } from 'kysely'

/* Rows as they are stored. Booleans are 0 and 1; lists and objects are JSON. */

export interface PodBindingRow {
  readonly sequence: Generated<number>
  readonly pod_uid: string
  readonly namespace: string
  readonly pod: string
  readonly root_requester: string
  readonly chain: string
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

/** A chain as it was before it grew. */
export interface FormerChainRow {
  readonly pod_uid: string
  readonly growth: number
  readonly chain: string
}

export interface WorkloadRow {
  readonly uid: string
  readonly api_version: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** Chain of whoever made it, without the pods that it will make. */
  readonly chain: string
  readonly via: string
  /** UID of the object that controls it; empty when none does. */
  readonly controller_uid: string
  /** metadata.generation at the last change that chose code. */
  readonly generation: number
  /** Who touched it last without choosing code, as JSON. */
  readonly touches: string
  readonly began_at_ms: number
  readonly renewed_at_ms: number
}

/** One decision. The chain is found through `pod_uid` and `growth`, so that a row stays small. */
export interface DecisionRow {
  readonly sequence: number
  readonly revision: number
  readonly id: string
  readonly decided_at_ms: number
  readonly pod_uid: string
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly root_requester: string
  readonly verb: string
  readonly also_verbs: string
  readonly resource_request: number
  readonly api_group: string
  readonly api_version: string
  readonly resource: string
  readonly subresource: string
  readonly target_namespace: string
  readonly target_name: string
  readonly path: string
  /** 0 denies, 1 allows, 2 holds. */
  readonly effect: number
  readonly reason: string
  readonly refused_by: string
  readonly rule: string
  readonly observed: number
  readonly user_agent: string
  readonly message: string
  /** UserInfo of whom the pod wanted to act as; empty when as itself. */
  readonly impersonated_user: string
  readonly http_status: number | null
  readonly fault: string | null
  readonly response_bytes: number | null
  readonly completed_at_ms: number | null
  /** How many refusals the record stands for; null when it is one request. */
  readonly refusals: number | null
  readonly last_at_ms: number | null
  readonly samples: string | null
  readonly growth: number
  /** ExecAttributes, PortForwardAttributes and Obligations as JSON; empty where there are none. */
  readonly exec: string
  readonly port_forward: string
  readonly obligations: string
  /** RecordedMatches as JSON; empty when no rule matched. */
  readonly matches: string
}

export interface DatabaseSchema {
  readonly pod_binding: PodBindingRow
  readonly former_chain: FormerChainRow
  readonly workload: WorkloadRow
  readonly decision: DecisionRow
}
