/**
 * Annotations and labels of a template that choose no code, unless the installation says otherwise:
 * each is a mark that makes pods be made again, or says to a scheduler, a queue or an autoscaler when
 * and where. Anything else may steer another webhook (an agent that is injected, a mesh), and labels
 * decide Services, NetworkPolicies and webhooks' selectors, so it chooses code. A key that ends in `/*`
 * stands for every key of that prefix.
 */
export const NEUTRAL_KEYS: readonly string[] = [
  // Restarts: kubectl, Rancher, OpenShift, Keel, Helm charts, Stakater Reloader, Wave.
  'kubectl.kubernetes.io/restartedAt',
  'cattle.io/timestamp',
  'workload.cattle.io/timestamp',
  'openshift.openshift.io/restartedAt',
  'keel.sh/update-time',
  'checksum/*',
  'reloader.stakater.com/last-reloaded-from',
  'wave.pusher.com/config-hash',
  // Queues and schedulers: Kueue, Volcano, YuniKorn, coscheduling.
  'kueue.x-k8s.io/*',
  'volcano.sh/queue-name',
  'volcano.sh/preemptable',
  'scheduling.volcano.sh/queue-name',
  'scheduling.volcano.sh/group-name',
  'scheduling.k8s.io/group-name',
  'scheduling.x-k8s.io/pod-group',
  'yunikorn.apache.org/app-id',
  'yunikorn.apache.org/queue',
  // Who evicts, and who is asked first.
  'cluster-autoscaler.kubernetes.io/safe-to-evict',
  'karpenter.sh/do-not-disrupt',
  'descheduler.alpha.kubernetes.io/evict',
  // Tracking by deployment tools: Argo CD, Flagger.
  'argocd.argoproj.io/instance',
  'argocd.argoproj.io/tracking-id',
  'flagger-id',
]

/** Tells keys that choose no code by a list in which `PREFIX/*` stands for every key of a prefix. */
export type NeutralKeyCheck = (key: string) => boolean

/** Reads the list once; what is neither a key nor `PREFIX/*` matches nothing else than itself. */
export function createNeutralKeyCheck(keys: readonly string[]): NeutralKeyCheck {
  const exact = new Set(keys)
  const prefixes = new Set(
    keys.filter((key) => /^[^*]+\/\*$/.test(key)).map((key) => key.slice(0, -1)),
  )
  return (key) => exact.has(key) || prefixes.has(key.slice(0, key.indexOf('/') + 1))
}
