import type { DelegationChain } from '../../core/chain.ts'
import type { Visits } from '../../core/chain-visits.ts'
import type { Cluster } from '../../core/cluster.ts'

/** How old a chain is. */
export interface ChainAge {
  /** When its first object was made. */
  readonly beganAtMs: number
  /** When its root requester was last seen to make or change the object that it comes from. */
  readonly renewedAtMs: number
}

/**
 * A pod and its chain, written at admission. Added later: that it runs, and who reached into it; the
 * chain may grow by co-requesters, and never changes otherwise.
 */
export interface PodBinding extends ChainAge {
  readonly podUid: string
  readonly chain: DelegationChain
  readonly boundAtMs: number
  /** How often the chain has grown; decisions are on record with the chain of their time. */
  readonly growth: number
  readonly visits: Visits
  /**
   * 1, 2, 3 … in the order in which sidecars enrolled; 0 until this one's has. A pod that was
   * admitted and then not stored, for its name was taken or a quota used up, stays 0 for ever. The
   * next one again when the chain grows or a new visitor comes.
   */
  readonly sequence: number
  /** The first sequence that it had. */
  readonly firstSequence: number
  /** The cluster of the pod. */
  readonly cluster: Cluster
  /** Version of the sidecar that enrolled last; empty when it did not say. */
  readonly sidecarVersion: string
  /** When the pod was seen to have ended; absent while it has not. It never changes again. */
  readonly endedAtMs?: number
}

/** What admission says of a pod. */
export type NewPodBinding = Pick<PodBinding, 'podUid' | 'chain' | 'boundAtMs' | keyof ChainAge>

export interface PodBindingFilter {
  readonly namespace?: string
  /** Name of the pod. */
  readonly pod?: string
  readonly rootRequester?: string
}

/** A bound pod of which no end is on record. */
export interface UnendedPod {
  readonly podUid: string
  readonly namespace: string
  readonly name: string
  readonly boundAtMs: number
  /** Whether its sidecar has enrolled, so that it was there. */
  readonly enrolled: boolean
  /** Where it stands among all bindings, in the order of their admission. */
  readonly position: number
}

export interface PodBindingPage {
  readonly bindings: readonly PodBinding[]
  /** The highest sequence when the page was read. */
  readonly sequence: number
}

/** Which chain each pod belongs to. Every method may throw `audit_unavailable`. */
export interface PodBindingStore {
  /** The same binding again does nothing; another chain for the pod is `binding_conflict`. */
  record(binding: NewPodBinding): Promise<PodBinding>
  find(podUid: string): Promise<PodBinding | undefined>
  /** UID of the pod that was admitted last under a name, whether it was stored or not; undefined for none. */
  newestOfName(namespace: string, pod: string): Promise<string | undefined>
  /**
   * Notes that a bound pod runs, by which version of the sidecar, and gives it the next sequence. Once:
   * later calls only note another version.
   */
  markEnrolled(podUid: string, sidecarVersion: string): Promise<void>
  /**
   * Writes the chain and the visits of what `revise` makes of a binding, in one transaction with
   * reading it. Writes nothing for what it was given, and throws what it throws. Undefined for a pod
   * that is not on record.
   */
  revise(
    podUid: string,
    revise: (known: PodBinding) => Pick<PodBinding, 'chain' | 'visits'>,
  ): Promise<PodBinding | undefined>
  /** Pods whose sidecars have enrolled, in that order, after a sequence; at most `limit`. */
  list(
    filter: PodBindingFilter,
    page: { readonly afterSequence: number; readonly limit: number },
  ): Promise<PodBindingPage>
  /**
   * Notes when pods ended, whether their sidecars have enrolled or not. An enrolled one gets the next sequence
   * unless another pod of its name enrolled after it. Once each: what is on record as ended keeps its time. Resolves with the UIDs that were noted, which are
   * those of pods on record that had not ended.
   */
  markEnded(podUids: readonly string[], endedAtMs: number): Promise<readonly string[]>
  /** Pods of which no end is on record, in the order of admission, after a position; at most `limit`. */
  listUnended(page: {
    readonly afterPosition: number
    readonly limit: number
  }): Promise<readonly UnendedPod[]>
  /**
   * Forgets pods that ended before a time (Unix milliseconds), with every chain that they had; at most
   * `limit`. For pods whose last record is gone. Resolves with how many were forgotten.
   */
  forgetEnded(endedBeforeMs: number, limit: number): Promise<number>
  /** How many pods whose sidecars have enrolled have not ended, as far as is on record. */
  countRunning(): Promise<number>
  /** Calls back after a binding was committed; returns the way to stop. */
  onCommit(listener: () => void): () => void
}
