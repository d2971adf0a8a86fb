/* Which specs of Kubernetes' own suite `npm run conformance` runs, and why the others are not among them. */

/** Specs that are not run, by a regular expression (RE2) over their whole name. */
export interface Skipped {
  readonly pattern: string
  readonly reason: string
}

/**
 * Labels that a spec needs, as Ginkgo's `--label-filter` has them: conformance, and what else there is of kubectl
 * and of authentication without a feature that has to be switched on. What is disruptive evicts Lanyard and the
 * suite itself from the only node; what is slow sends the requests of other specs and waits for minutes between.
 */
export const LABELS =
  '!Disruptive && !Slow && !Flaky && !Alpha && ((Conformance && (sig-api-machinery || sig-apps || sig-auth || ' +
  'sig-cli || sig-instrumentation || sig-network || sig-node)) || ((sig-auth || sig-cli) && !/^Feature/))'

export const SKIPPED: readonly Skipped[] = [
  {
    pattern:
      '\\[sig-node\\] (?:Probing container|Container Runtime|Container Lifecycle Hook|PreStop)',
    reason: 'looks at what a kubelet does with a pod; the requests are those of other specs',
  },
  {
    pattern: '\\[sig-node\\] (?:Security Context|Sysctls|KubeletManagedEtcHosts|ImageVolume)',
    reason: 'looks at what a container runtime does; the requests are those of other specs',
  },
  {
    pattern: '\\[sig-network\\] (?:Networking Granular Checks|HostPort|DNS )',
    reason: 'looks at packets between pods, which Lanyard does not see',
  },
  {
    pattern:
      '\\[sig-network\\] Services should (?:have session affinity|be able to switch session)',
    reason: 'looks at packets between pods, which Lanyard does not see',
  },
  {
    pattern: 'Daemon set should rollback without unnecessary restarts',
    reason: 'needs two nodes',
  },
  {
    pattern: 'Kubectl taint \\[Serial\\] should remove all the taints',
    reason:
      'drives every pod off the node, the control plane and the suite among them: needs two nodes',
  },
  {
    pattern: 'when scheduling a read only busybox container should not write to root filesystem',
    reason: "waits for the words of another busybox than Debian's",
  },
  {
    pattern: 'Projected PodCertificate',
    reason: 'pulls an image from a registry although the node has it',
  },
  {
    pattern: 'Aggregator Should be able to support the 1\\.17 Sample API Server',
    reason: 'needs an image of etcd and of an API server that only a registry of images has',
  },
]
