import type { DelegationChain } from '../../core/chain.ts'

/** A pod and its chain, written once at admission; what is added later is that it runs. */
export interface PodBinding {
  readonly podUid: string
  readonly chain: DelegationChain
  readonly boundAtMs: number
  /**
   * 1, 2, 3 … in the order in which sidecars enrolled; 0 until this one's has. A pod that was
   * admitted and then not stored, for its name was taken or a quota used up, stays 0 for ever.
   */
  readonly sequence: number
}

export interface PodBindingFilter {
  readonly namespace?: string
  /** Name of the pod. */
  readonly pod?: string
  readonly rootRequester?: string
}

export interface PodBindingPage {
  readonly bindings: readonly PodBinding[]
  /** The highest sequence when the page was read. */
  readonly sequence: number
}

/** Which chain each pod belongs to. Every method may throw `audit_unavailable`. */
export interface PodBindingStore {
  /** The same binding again does nothing; another chain for the pod is `binding_conflict`. */
  record(binding: Omit<PodBinding, 'sequence'>): Promise<PodBinding>
  find(podUid: string): Promise<PodBinding | undefined>
  /** Notes that a bound pod runs, and gives it the next sequence. Once: later calls do nothing. */
  markEnrolled(podUid: string): Promise<void>
  /** Pods whose sidecars have enrolled, in that order, after a sequence; at most `limit`. */
  list(
    filter: PodBindingFilter,
    page: { readonly afterSequence: number; readonly limit: number },
  ): Promise<PodBindingPage>
  /** Calls back after a binding was committed; returns the way to stop. */
  onCommit(listener: () => void): () => void
}
