import type { DelegationChain } from '../../core/chain.ts'

/** A pod and its chain, written once at admission and never changed. */
export interface PodBinding {
  readonly podUid: string
  readonly chain: DelegationChain
  readonly boundAtMs: number
  /** 1, 2, 3 … in the order of binding. */
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
  /** Sequence of the newest binding when the page was read. */
  readonly sequence: number
}

/** Which chain each pod belongs to. Every method may throw `audit_unavailable`. */
export interface PodBindingStore {
  /** The same binding again does nothing; another chain for the pod is `binding_conflict`. */
  record(binding: Omit<PodBinding, 'sequence'>): Promise<PodBinding>
  find(podUid: string): Promise<PodBinding | undefined>
  /** Oldest first, after a sequence; at most `limit`. */
  list(
    filter: PodBindingFilter,
    page: { readonly afterSequence: number; readonly limit: number },
  ): Promise<PodBindingPage>
  /** Calls back after a binding was committed; returns the way to stop. */
  onCommit(listener: () => void): () => void
}
