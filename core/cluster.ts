/** Which Kubernetes cluster a pod, a chain or a record is of. */
export interface Cluster {
  /** UID of the namespace `kube-system`: there as long as the cluster is, and in no other. */
  readonly id: string
  /** What its administrators call it; empty when they have not said. */
  readonly name: string
}

/** Nobody has said which; a store gives what it holds of it to the next cluster that opens it. */
export const UNKNOWN_CLUSTER: Cluster = { id: '', name: '' }
