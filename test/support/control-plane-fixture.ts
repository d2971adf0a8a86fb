import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ChannelCredentials, Metadata } from '@grpc/grpc-js'
import type { StartedApprovals } from '../../control-plane/approvals/start-approvals.ts'
import { type ChainLapses, createChainLapses } from '../../control-plane/chains/chain-lapses.ts'
import { createChainRegistry } from '../../control-plane/chains/chain-registry.ts'
import { createChainStory } from '../../control-plane/chains/chain-story.ts'
import {
  createGrownBindings,
  type GrownBindings,
} from '../../control-plane/chains/grown-bindings.ts'
import { PodEnds } from '../../control-plane/chains/pod-ends.ts'
import { createPodVisits } from '../../control-plane/chains/pod-visits.ts'
import { createControlPlaneMetrics } from '../../control-plane/control-plane-metrics.ts'
import {
  createDecisionWatch,
  type DecisionWatch,
} from '../../control-plane/decisions/decision-watch.ts'
import { startGrpcServer } from '../../control-plane/grpc-server.ts'
import type { Access } from '../../control-plane/kubernetes/access-reviewer.ts'
import { createAdmissionService } from '../../control-plane/services/admission-service.ts'
import { createApprovalService } from '../../control-plane/services/approval-service.ts'
import { createAuthorizationService } from '../../control-plane/services/authorization-service.ts'
import { createEnrolmentService } from '../../control-plane/services/enrolment-service.ts'
import { LiveRecordings } from '../../control-plane/services/live-recordings.ts'
import { createPeopleServices } from '../../control-plane/services/people-services.ts'
import { RecordingRoom } from '../../control-plane/services/recording-room.ts'
import { createRecordingService } from '../../control-plane/services/recording-service.ts'
import {
  keepServingCertificate,
  toGrpcCredentials,
} from '../../control-plane/serving-certificate.ts'
import { createSessions } from '../../control-plane/sessions.ts'
import { openStore } from '../../control-plane/store/open-store.ts'
import type { PodBinding } from '../../control-plane/store/pod-binding-store.ts'
import type { Store } from '../../control-plane/store/store.ts'
import type { TargetObject } from '../../core/approvals/access-request.ts'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { AccessPolicy } from '../../core/policy/access-policy.ts'
import type { ChainRevocation } from '../../core/policy/chain-revocation.ts'
import { createCertificateAuthority } from '../../platform/certificate-authority.ts'
import { SYSTEM_CLOCK } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createHeldPodReader, type PodReads } from './held-pod-reader.ts'
import { startDeciding } from './start-deciding.ts'

/** Everything of the control plane but kube-apiserver, whose answers a test gives. */
export interface ControlPlaneFixture extends PodReads {
  /** `host:port` */
  readonly address: string
  readonly credentials: ChannelCredentials
  readonly databasePath: string
  readonly store: Store
  /** What TokenReview says, by token; any other is refused. */
  readonly tokens: Map<string, UserInfo>
  /** What SubjectAccessReview says, by user, or by `user/namespace`; `allowed` unless told otherwise. */
  readonly access: Map<string, Access>
  /** The ChainRevocations; `recheck` tells of a change. */
  readonly revocations: ChainRevocation[]
  /** AccessPolicies that name a user, by user; no AccessPolicy unless told otherwise. */
  readonly policies: Map<string, readonly AccessPolicy[]>
  readonly caPem: string
  /** Objects that kube-apiserver has, by name; any other has the UID `uid-of-NAME`. */
  readonly objects: Map<string, TargetObject>
  readonly approvals: StartedApprovals['approvals']
  /** UIDs of pods that kube-apiserver has, by `namespace/name`. */
  readonly pods: Map<string, string>
  readonly logLines: string[]
  readonly clock: { nowMs: number }
  readonly podEnds: PodEnds
  readonly live: LiveRecordings
  /** What is free for recordings, which want 1 GB, and how much they may have: 0 is no limit. */
  readonly volume: { freeBytes: number; bytesMax: number }
  /** How many reviews of access were asked for. */
  reviews(): number
  /** Lets no review be answered until the function that it returns is called. */
  holdReviews(): () => void
  /** Something that decisions rest on has changed. */
  recheck(): void
  decisionWatch(): number
  setServing(serving: boolean): void
  close(): Promise<void>
}

/** Starts the gRPC server with TLS on a free port, on a database file of its own. */
export async function startControlPlaneFixture(): Promise<ControlPlaneFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-control-plane-'))
  const databasePath = join(folder, 'lanyard.db')
  const store = await openStore(databasePath)
  const { logger, logLines } = keptLog()
  const clock = { nowMs: Date.now() }
  const now = () => clock.nowMs
  const tokens = new Map<string, UserInfo>()
  const answers = new Map<string, Access>()
  const revocations: ChainRevocation[] = []
  const reviewToken = reviewOf(tokens)
  const access = new FakeAccess(answers)
  const podEnds = new PodEnds({
    ...{ bindings: store.bindings, logger, now },
    living: () => ({ has: () => false, isSynced: () => true }),
    onEnded: (podUids) => decisionWatch.recheckWhere(({ podUid }) => podUids.has(podUid)),
  })
  const lapses = createLapses(revocations, podEnds, now)
  const grown = createGrownBindings()
  const pods = new Map<string, string>()
  const policies = new Map<string, readonly AccessPolicy[]>()
  const facts = factsOf(policies)
  const { readPodUid, ...podReads } = createHeldPodReader(store, pods)
  const asked = { ...store, facts, access, lapses, grown, readPodUid, now, logger }
  const recheckPod = (uid: string) => decisionWatch.recheckWhere(({ podUid }) => podUid === uid)
  const { decider, held } = startDeciding(asked, recheckPod)
  const decisionWatch = createDecisionWatch({ decider, logger, inSync: true })
  const visits = createPodVisits({
    ...{ bindings: store.bindings, readPodUid, visitorsJoin: false, logger, now },
    onGrown: toldOfGrowth(grown, decisionWatch),
  })
  const registry = createChainRegistry({ ...store, now })
  const sessions = createSessions(now)
  const chainStory = createChainStory({ ...lapses, podEnds, workloads: store.workloads })
  const judging = { decider, decisionWatch }
  const shared = { ...store, ...judging, sessions, reviewToken, access, chainStory, logger, now }
  const metrics = createControlPlaneMetrics(createMetrics('control-plane', 'test'))
  const live = new LiveRecordings()
  const volume = { freeBytes: 1e12, bytes: 1e12, bytesMax: 0 }
  const room = aRoom(store, volume)
  const authority = await createCertificateAuthority({ commonName: 'x', validForMs: 3_600_000 })
  const serving = await keepServingCertificate(authority, logger)
  const server = await startGrpcServer(
    '127.0.0.1:0',
    toGrpcCredentials(serving, authority.certificatePem),
    {
      enrolment: createEnrolmentService(shared),
      authorization: createAuthorizationService({ ...shared, live, metrics }),
      admission: createAdmissionService({ ...shared, registry, authority, visits, facts }),
      ...createPeopleServices({ ...shared, approvals: held.approvals }),
      recording: createRecordingService({ ...shared, live, room, metrics, clock: SYSTEM_CLOCK }),
      approval: createApprovalService({ ...shared, requestApproval: held.request }),
    },
  )
  return {
    address: `127.0.0.1:${server.port}`,
    caPem: authority.certificatePem,
    credentials: ChannelCredentials.createSsl(Buffer.from(authority.certificatePem)),
    ...{ databasePath, store, tokens, access: answers, policies, revocations, pods },
    ...{ logLines, clock, podEnds, live, volume, objects: held.objects, approvals: held.approvals },
    reviews: () => access.reviews,
    holdReviews: () => access.hold(),
    ...podReads,
    recheck: () => decisionWatch.recheck(),
    decisionWatch: () => decisionWatch.size(),
    setServing: server.setServing,
    async close() {
      await server.close()
      serving.stop()
      held.stop()
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

function keptLog() {
  const logLines: string[] = []
  const write = (line: string) => void logLines.push(line)
  return { logger: createLogger({ name: 'control-plane', level: 'debug' }, { write }), logLines }
}

/** What TokenReview says. */
function reviewOf(tokens: ReadonlyMap<string, UserInfo>) {
  return async (token: string): Promise<UserInfo> => {
    const user = tokens.get(token)
    if (user === undefined) throw new Fault('identity_unverified', 'The token is not one of ours')
    return user
  }
}

/** What SubjectAccessReview says. */
class FakeAccess {
  reviews = 0
  #held = Promise.resolve()
  readonly #answers: ReadonlyMap<string, Access>

  constructor(answers: ReadonlyMap<string, Access>) {
    this.#answers = answers
  }

  async review({ username }: UserInfo, { namespace }: Pick<RequestAttributes, 'namespace'>) {
    this.reviews += 1
    await this.#held
    const answers = this.#answers
    return answers.get(`${username}/${namespace}`) ?? answers.get(username) ?? 'allowed'
  }

  peek(): undefined {
    return undefined
  }

  forget(): void {}

  /** Answers nothing until the function that it returns is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held = promise
    return resolve
  }
}

interface AVolume {
  readonly freeBytes: number
  readonly bytes: number
  readonly bytesMax: number
}

/** Room for recordings, which want 1 GB free; looked at each time. */
function aRoom({ recordings }: Store, volume: AVolume): RecordingRoom {
  return new RecordingRoom({
    limits: {
      freeBytesMin: 1e9,
      get bytesMax() {
        return volume.bytesMax
      },
    },
    size: () => recordings.size(),
    dropUnlisted: (bytes) => recordings.dropUnlisted(bytes),
    readSpace: () => volume,
    monotonicMs: () => performance.now() * 1e6,
  })
}

/** A cluster that is all injected. */
function factsOf(policies: ReadonlyMap<string, readonly AccessPolicy[]>) {
  return {
    policiesFor: ({ username }: UserInfo) => ({
      policies: policies.get(username) ?? [],
      invalid: [],
    }),
    maskProfile: () => undefined,
    isInjected: () => true,
    isObserved: () => false,
    namespaceLabels: () => ({}),
    isRbacSynced: () => true,
    problem: () => undefined,
    stop: () => undefined,
  }
}

/** As the control plane does when a chain grows. */
function toldOfGrowth(grown: GrownBindings, decisionWatch: DecisionWatch) {
  return (binding: PodBinding): void => {
    grown.add(binding)
    decisionWatch.recheckWhere(({ podUid }) => podUid === binding.podUid)
  }
}

/** In a cluster with every service account. */
function createLapses(
  revocations: readonly ChainRevocation[],
  podEnds: PodEnds,
  now: () => number,
): ChainLapses {
  return createChainLapses({
    ageMsMax: 0,
    account: () => ({ uid: '', createdAtMs: 0 }),
    podEndedAtMs: (binding) => podEnds.endedAtMs(binding),
    revocationsOf: (username) => revocations.filter((one) => one.username === username),
    now,
  })
}

/** Metadata with a bearer token. */
export function bearer(token: string): Metadata {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  return metadata
}
