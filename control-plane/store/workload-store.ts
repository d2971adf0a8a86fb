import type { DelegationChain, Via } from '../../core/chain.ts'
import type { ChainAge } from './pod-binding-store.ts'

/** A write that chose no code: a restart, a scale, a queue, a place. */
export interface Touch {
  readonly username: string
  readonly atMs: number
  /** Which fields, such as `replicas`. */
  readonly fields: readonly string[]
}

/** A touch, and of which object. */
export interface ObjectTouch extends Touch, Via {}

/** An object that makes pods, and for whom. Its chain ends with the pod that launched it, if one did. */
export interface Workload extends ChainAge {
  readonly uid: string
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly chain: DelegationChain
  /** Objects between the launcher and this one, the launcher's side first. */
  readonly via: readonly Via[]
  /**
   * UID of the Deployment that decides when a ReplicaSet makes pods, or of the set that a
   * ControllerRevision is a template of; empty for all else.
   */
  readonly controllerUid: string
  /** metadata.generation at the last change that chose code; 0 when that is not known. */
  readonly generation: number
  /** What chose code at the last writes that were seen, as `codeDigest`; the oldest first. */
  readonly seenCodes: readonly string[]
  /** metadata.generation when the object itself was looked at last; 0 when it was not, or has none. */
  readonly lookedAtGeneration: number
  /** The last writes that chose no code, the oldest first. */
  readonly touches: readonly Touch[]
}

/** The registry of objects by UID. Every method may throw `audit_unavailable`. */
export interface WorkloadStore {
  find(uid: string): Promise<Workload | undefined>
  /**
   * Reads, revises and writes in one transaction, so that two callers do not overwrite each other. Skips
   * the write when `revise` returns its argument; what `revise` throws passes through.
   */
  revise(uid: string, revise: (known: Workload | undefined) => Workload): Promise<Workload>
  /** The same for each workload of a namespace, some at a time. */
  reviseNamespace(namespace: string, revise: (known: Workload) => Workload): Promise<void>
  /** Touches of the objects that have these names now, or had them last; some objects at a time. */
  touchesOf(namespace: string, objects: readonly Via[]): Promise<readonly ObjectTouch[]>
  /** Every namespace of which a workload is on record. */
  namespaces(): Promise<readonly string[]>
}
