import { setTimeout as sleep } from 'node:timers/promises'
import {
  AuthorizationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
} from '@kubernetes/client-node'
import { parseDuration } from '../core/duration.ts'
import { parseMaskNames } from '../core/masking/mask-rules.ts'
import type { CertificateAuthority } from '../platform/certificate-authority.ts'
import { SYSTEM_CLOCK } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import {
  type ApprovalParts,
  type StartedApprovals,
  startApprovals,
} from './approvals/start-approvals.ts'
import type { ChainLapses } from './chains/chain-lapses.ts'
import { type ChainRegistry, createChainRegistry } from './chains/chain-registry.ts'
import { createGrownBindings } from './chains/grown-bindings.ts'
import { createKnownPodReader } from './chains/known-pod-reader.ts'
import { createOptOuts } from './chains/opt-outs.ts'
import type { PodEnds } from './chains/pod-ends.ts'
import { createPodVisits, type PodVisits } from './chains/pod-visits.ts'
import { type ComparedEdits, noticeUnseenEdits } from './chains/unseen-edits.ts'
import { type WatchedLapses, watchChainLapses } from './chains/watch-chain-lapses.ts'
import { watchPodEnds } from './chains/watch-pod-ends.ts'
import type { ControlPlaneConfig } from './config.ts'
import { createDecider } from './decisions/decide.ts'
import { createDecisionWatch, type DecisionWatch } from './decisions/decision-watch.ts'
import { mayChangeByTime } from './decisions/gather-principals.ts'
import { createMaskKeys } from './decisions/mask-keys.ts'
import type { Share } from './fairness/fair-turns.ts'
import {
  createLimitStatusWriter,
  createPolicyStatusWriter,
  createProfileStatusWriter,
} from './kubernetes/accepted-status.ts'
import {
  type AccessReviewer,
  AUTHORIZER_LAG_MS,
  createAccessReviewer,
} from './kubernetes/access-reviewer.ts'
import { type ClusterFacts, watchClusterFacts } from './kubernetes/cluster-facts.ts'
import { readOwnAudiences } from './kubernetes/own-audiences.ts'
import { createPodReader } from './kubernetes/pod-reader.ts'
import { createTargetReader } from './kubernetes/target-reader.ts'
import { createWorkloadLister } from './kubernetes/workload-lister.ts'
import type { PodBinding } from './store/pod-binding-store.ts'
import type { Store } from './store/store.ts'
import { readVolumeSpace, VolumeReserve } from './volume-reserve.ts'

/** kube-apiserver answers the first lists immediately; without them it is better to say what is wrong. */
const FACTS_MS_MAX = 10_000
/** Open requests that a condition on the time no longer allows are cut within two seconds. */
const SWEEP_MS = 1_000
const now = () => Date.now()

/** What is known of the cluster, and what is decided by it. */
export interface WatchedCluster {
  readonly facts: ClusterFacts
  readonly access: AccessReviewer
  readonly decisionWatch: DecisionWatch
  readonly decider: ReturnType<typeof createDecider>
  readonly approvals: StartedApprovals
  readonly registry: ChainRegistry
  readonly visits: PodVisits
  readonly endsAtMs: ChainLapses['endsAtMs']
  /** Whether the chain of a pod has ended, as far as is known now. */
  readonly hasLapsed: (binding: PodBinding) => boolean
  readonly podEnds: PodEnds
  /** Undefined until the comparison at the start has ended, and when it failed. */
  readonly comparedEdits: () => ComparedEdits | undefined
  /** Undefined when they cannot be told. */
  readonly apiAudiences: readonly string[] | undefined
}

/** How the cluster is spoken to, and the secret of which keys for masks are made. */
export interface ClusterParts {
  readonly kube: KubeConfig
  readonly kept: KubeConfig
  readonly authority: Pick<CertificateAuthority, 'privateKeyPem'>
}

/**
 * Facts about the cluster and what is decided by them: a change of one is felt by the other. Resolves
 * when they are known: sidecars come immediately with what is open, and what cannot be judged is cut.
 */
export async function watchCluster(
  { kube, kept, authority }: ClusterParts,
  config: ControlPlaneConfig,
  store: Store,
  logger: Logger,
): Promise<WatchedCluster> {
  // First, since it waits: a watch calls parts that are made below, and nothing may wait between the two.
  const apiAudiences = await readOwnAudiences(config.apiAudiences, logger)
  const registry = createChainRegistry({ ...store, now })
  const { namespaces: namespacesOnRecord } = store.workloads
  const access: AccessReviewer = createAccessReviewer(kept.makeApiClient(AuthorizationV1Api), {
    ttlMs: config.accessReviewTtlMs,
    isWatching: () => watched.isRbacSynced(),
    ...{ now, logger },
  })
  const pods = watchPodEnds({
    ...{ config: kube, bindings: store.bindings, logger, now },
    onEnded: (podUids) => decisionWatch.recheckWhere(({ podUid }) => podUids.has(podUid)),
  })
  const podEndedAtMs = (binding: PodBinding) => pods.ends.endedAtMs(binding)
  const onSync = () => decisionWatch.noteSync(facts.problem() === undefined && facts.isRbacSynced())
  const grown = createGrownBindings()
  const hasLapsed = (binding: PodBinding) => lapses.lapseOf(grown.newest(binding)) !== undefined
  const lapses: WatchedLapses = watchChainLapses({
    ...{ config: kube, logger, now, podEndedAtMs, onSync },
    ageMsMax: parseDuration(config.chainMaxAge),
    onLapse: () => decisionWatch.recheckWhere(hasLapsed),
    onTime: () => decisionWatch.sweep(({ binding }) => hasLapsed(binding)),
  })
  const watched: ClusterFacts = watchClusterFacts({
    ...{ config: kube, logger, onSync },
    ...statusWriters(kube, logger),
    onPolicyChange: () => decisionWatch.recheck(),
    onNamespaces: createOptOuts({ registry, namespacesOnRecord, logger }),
    onRbacChange() {
      access.forget()
      recheckTwice(decisionWatch)
    },
  })
  const sweepByTime = () => decisionWatch.sweep((one) => mayChangeByTime(facts, one))
  const timer = setInterval(sweepByTime, SWEEP_MS).unref()
  const facts = factsOf(watched, lapses, [pods, { stop: () => approvals.stop() }], timer)
  const read = createPodReader(kept.makeApiClient(CoreV1Api))
  const readPodUid = createKnownPodReader({ ...store, ...facts, living: pods.living, read })
  const recheckPod = (podUid: string) =>
    decisionWatch.recheckWhere((binding) => binding.podUid === podUid)
  const { approvals, decider } = startDeciding({
    ...{ config, store, logger, readTarget: createTargetReader(kept) },
    judging: {
      ...{ ...store, facts, access, lapses, grown, readPodUid, apiAudiences, now },
      ...settingsOf(config, authority),
    },
    onGrantChange: recheckPod,
  })
  const decisionWatch: DecisionWatch = createDecisionWatch({ decider, logger, inSync: false })
  const visits = createPodVisits({
    ...{ ...store, ...config, readPodUid, logger, now },
    onGrown(binding) {
      grown.add(binding)
      recheckPod(binding.podUid)
    },
  })
  await waitForFacts(facts)
  // Before anything is bound: whoever comes first would get a chain without whoever edited meanwhile.
  const comparedEdits = await lookBack(kube, store, facts, logger)
  const parts = { facts, access, decisionWatch, decider, registry, visits, hasLapsed, apiAudiences }
  return { ...parts, approvals, podEnds: pods.ends, endsAtMs: lapses.endsAtMs, comparedEdits }
}

/** All that is known of the cluster, and ends together. */
function factsOf(
  watched: ClusterFacts,
  lapses: WatchedLapses,
  others: readonly { readonly stop: () => void }[],
  timer: NodeJS.Timeout,
): ClusterFacts {
  return {
    ...watched,
    problem: () => watched.problem() ?? lapses.problem(),
    stop() {
      clearInterval(timer)
      for (const part of [watched, lapses, ...others]) part.stop()
    },
  }
}

/** Tell whoever writes policies, MaskProfiles and what stands over policies what became of them. */
function statusWriters(kube: KubeConfig, logger: Logger) {
  const custom = kube.makeApiClient(CustomObjectsApi)
  return {
    onPolicy: createPolicyStatusWriter(custom, logger),
    onMaskProfile: createProfileStatusWriter(custom, logger),
    onLimit: createLimitStatusWriter(custom, logger),
  }
}

/** What decides, with the approvals by which held requests pass. */
function startDeciding(parts: ApprovalParts) {
  const approvals = startApprovals(parts)
  const decider = createDecider({ ...parts.judging, grants: approvals.grants })
  return { approvals, decider }
}

function settingsOf(
  { maskingDefault, defaultDecision, recordingDefault, databaseFile }: ControlPlaneConfig,
  { privateKeyPem }: ClusterParts['authority'],
) {
  return {
    ...{ defaultDecision, recordingDefault },
    checkVolume: createVolumeCheck(databaseFile),
    maskingDefault: parseMaskNames(maskingDefault),
    maskKeyOf: createMaskKeys(privateKeyPem),
  }
}

/** After a change of RBAC: once more when kube-apiserver's own authorizer has surely heard of it. */
function recheckTwice(decisionWatch: DecisionWatch): void {
  const changedAtMs = SYSTEM_CLOCK.monotonicMs()
  decisionWatch.recheck(changedAtMs)
  setTimeout(() => decisionWatch.recheck(changedAtMs), AUTHORIZER_LAG_MS).unref()
}

/** Until they are known, or it takes too long. */
async function waitForFacts(facts: ClusterFacts): Promise<void> {
  const givenUpAtMs = performance.now() + FACTS_MS_MAX
  while (facts.problem() !== undefined && performance.now() < givenUpAtMs) await sleep(20)
}

/** Refuses whoever has used up a share of what is left of the volume. */
function createVolumeCheck(databaseFile: string): (share: Share, nowMs: number) => void {
  const reserve = new VolumeReserve(() => readVolumeSpace(databaseFile))
  return (share, nowMs) => reserve.check(share, nowMs)
}

/** Looks for edits that nobody was told of, for a while at most: then it goes on beside what is decided. */
async function lookBack(
  kube: KubeConfig,
  { workloads }: Pick<Store, 'workloads'>,
  { isInjected }: ClusterFacts,
  logger: Logger,
): Promise<() => ComparedEdits | undefined> {
  const list = createWorkloadLister(kube)
  let compared: ComparedEdits | undefined
  const looking = noticeUnseenEdits({ workloads, list, isInjected, logger }).then(
    (found) => {
      compared = { ...found, comparedAtMs: now() }
      logger.info(found, 'Looked for edits that nobody was told of')
    },
    // Recorded here: what cannot be told is as it was before anybody looked.
    (error: unknown) => logger.warn({ error }, 'Cannot tell whether there were edits unseen'),
  )
  await Promise.race([looking, sleep(FACTS_MS_MAX, undefined, { ref: false })])
  return () => compared
}
