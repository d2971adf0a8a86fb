import type { AuditEventStore } from '../../control-plane/store/audit-event-store.ts'
import type { PodBindingStore } from '../../control-plane/store/pod-binding-store.ts'
import type { WorkloadStore } from '../../control-plane/store/workload-store.ts'

/** The stores under test, empty. */
export interface Stores {
  readonly bindings: PodBindingStore
  readonly workloads: WorkloadStore
  readonly auditEvents: AuditEventStore
  /** Closes them and removes what they wrote. */
  close(): Promise<void>
}

export type OpenStores = () => Promise<Stores>

export const ALL = { afterSequence: 0, limit: 100 }
