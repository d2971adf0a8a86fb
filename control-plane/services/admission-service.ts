import type { Metadata } from '@grpc/grpc-js'
import type { VisitKind } from '../../core/chain-visits.ts'
import { Fault } from '../../core/fault.ts'
import { serviceAccountUser } from '../../core/kubernetes/user-info.ts'
import { INJECTOR_SERVICE, INJECTOR_SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../../core/names.ts'
import type { CertificateAuthority } from '../../platform/certificate-authority.ts'
import type { Logger } from '../../platform/logger.ts'
import { SERVING_CERTIFICATE_MS } from '../../platform/serving-certificate.ts'
import { chainToMessage, userFromMessage } from '../../proto/chain-message.ts'
import {
  type AdmissionService,
  type AdmissionContext as ContextMessage,
  VisitKind as VisitKindMessage,
  WorkloadChange,
} from '../../proto/gen/lanyard/v1/admission_pb.ts'
import type { GrpcHandlers } from '../../proto/grpc-service.ts'
import { templateFromMessage } from '../../proto/template-message.ts'
import type { AdmissionContext, ChainRegistry } from '../chains/chain-registry.ts'
import type { AdmittedWorkload } from '../chains/new-workload.ts'
import type { PodVisits } from '../chains/pod-visits.ts'
import type { ClusterFacts } from '../kubernetes/cluster-facts.ts'
import type { TokenReviewer } from '../kubernetes/token-reviewer.ts'
import type { PodBindingStore } from '../store/pod-binding-store.ts'
import { createTemplateCheck } from './check-template.ts'
import { bearerToken, peerAddress, unary } from './grpc-fault.ts'

export interface AdmissionDeps {
  readonly registry: ChainRegistry
  readonly authority: Pick<CertificateAuthority, 'certifyServerKey'>
  readonly visits: PodVisits
  readonly bindings: Pick<PodBindingStore, 'find'>
  readonly facts: Pick<ClusterFacts, 'policiesFor' | 'isObserved' | 'problem'>
  readonly reviewToken: TokenReviewer
  readonly logger: Logger
  readonly now: () => number
}

const INJECTOR = serviceAccountUser(SYSTEM_NAMESPACE, INJECTOR_SERVICE_ACCOUNT).username
/** A reviewed token is believed this long; the injector's own rotates every hour. */
const REVIEW_MS = 60_000
/** One for each injector, and for its next token; whoever else calls is not remembered. */
const REMEMBERED_MAX = 16

/** What the injector tells of admitted objects. Nobody else may. */
export function createAdmissionService(deps: AdmissionDeps): GrpcHandlers<typeof AdmissionService> {
  const { registry, visits, logger } = deps
  const authenticate = createInjectorCheck(deps)
  const checkTemplate = createTemplateCheck(deps)
  return {
    resolvePod: unary(logger, async ({ context }, metadata, peer) => {
      await authenticate(metadata, peer)
      return { chain: chainToMessage(await registry.resolve(fromMessage(context))) }
    }),
    bindPod: unary(logger, async ({ context, podUid, podName, serviceAccount }, metadata, peer) => {
      await authenticate(metadata, peer)
      requireAll({ podUid, podName, serviceAccount })
      const pod = { podUid, podName, serviceAccount }
      return { chain: chainToMessage(await registry.bindPod(fromMessage(context), pod)) }
    }),
    recordWorkload: unary(logger, async (request, metadata, peer) => {
      await authenticate(metadata, peer)
      const workload = workloadOf(request)
      const context = fromMessage(request.context)
      if (request.change !== WorkloadChange.TOUCHED) {
        const { template } = request
        if (template !== undefined && request.change !== WorkloadChange.ADOPTED)
          await checkTemplate(context, {
            ...workload,
            template: templateFromMessage(template),
          })
        const record = recorderOf(registry, request.change)
        return { chain: chainToMessage(await record(context, workload)) }
      }
      const { fields } = request
      const chain = await registry.recordTouched(context, workload, fields)
      logger.info({ ...aboutOf(context, workload), fields }, 'Touched without choosing code')
      return { chain: chainToMessage(chain) }
    }),
    resetChain: unary(logger, async (request, metadata, peer) => {
      await authenticate(metadata, peer)
      const workload = workloadOf(request)
      const context = fromMessage(request.context)
      const chain = await registry.reset(context, workload)
      logger.warn(aboutOf(context, workload), 'The chain of a workload begins again')
      return { chain: chainToMessage(chain) }
    }),
    issueCertificate: unary(logger, async ({ publicKey }, metadata, peer) => {
      await authenticate(metadata, peer)
      return { certificatePem: await certifyInjector(deps.authority, publicKey) }
    }),
    recordVisit: unary(logger, async ({ context, podName, podUid, kind }, metadata, peer) => {
      await authenticate(metadata, peer)
      requireAll({ podName })
      const { user, namespace, dryRun } = fromMessage(context)
      await visits.record({ user, namespace, dryRun, podName, podUid, kind: visitKindOf(kind) })
      return {}
    }),
  }
}

/** More than any digest. */
const DIGEST_MAX = 128

function workloadOf(message: {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly generation: bigint
  readonly codeDigest?: string
}): AdmittedWorkload {
  const { apiVersion, kind, name, uid, codeDigest = '' } = message
  requireAll({ apiVersion, kind, name, uid })
  const generation = Number(message.generation)
  return { apiVersion, kind, name, uid, generation, codeDigest: codeDigest.slice(0, DIGEST_MAX) }
}

/** Who did something to what, for the log. */
function aboutOf(
  { user, namespace, dryRun }: AdmissionContext,
  workload: AdmittedWorkload,
): object {
  const { kind, name, uid } = workload
  return { user: user.username, namespace, kind, name, uid, dryRun }
}

const INJECTOR_NAME = `${INJECTOR_SERVICE}.${SYSTEM_NAMESPACE}.svc`

/**
 * The webhooks' certificate for a key of the injector's own, as PEM: for its names, whatever it asks
 * for. Throws `request_invalid` for what is no such key.
 */
export async function certifyInjector(
  authority: AdmissionDeps['authority'],
  publicKey: Uint8Array,
): Promise<string> {
  const request = {
    dnsNames: [INJECTOR_NAME, `${INJECTOR_NAME}.cluster.local`, 'localhost'],
    ipAddresses: ['127.0.0.1'],
    validForMs: SERVING_CERTIFICATE_MS,
  }
  return authority.certifyServerKey(publicKey, request).catch((cause: unknown) => {
    throw new Fault('request_invalid', 'The public key is not one of ECDSA P-256', { cause })
  })
}

function recorderOf(
  registry: ChainRegistry,
  change: WorkloadChange,
): ChainRegistry['recordCreated'] {
  if (change === WorkloadChange.CREATED) return registry.recordCreated.bind(registry)
  if (change === WorkloadChange.TEMPLATE_CHANGED) return registry.recordChanged.bind(registry)
  if (change === WorkloadChange.ADOPTED) return registry.recordAdopted.bind(registry)
  throw new Fault('request_invalid', 'The message does not say what changed')
}

function visitKindOf(kind: VisitKindMessage): VisitKind {
  const known = VISIT_KINDS[kind]
  if (known === undefined) throw new Fault('request_invalid', 'The message does not say what for')
  return known
}

const VISIT_KINDS: Readonly<Partial<Record<VisitKindMessage, VisitKind>>> = {
  [VisitKindMessage.EXEC]: 'exec',
  [VisitKindMessage.ATTACH]: 'attach',
  [VisitKindMessage.PORTFORWARD]: 'portforward',
  [VisitKindMessage.EPHEMERALCONTAINERS]: 'ephemeralcontainers',
  [VisitKindMessage.IMAGE]: 'image',
}

function createInjectorCheck(
  deps: AdmissionDeps,
): (metadata: Metadata, peer: string) => Promise<void> {
  /** By token: until when it is believed. The oldest first, since each is believed for as long. */
  const known = new Map<string, number>()
  return async function authenticate(metadata, peer) {
    const token = bearerToken(metadata)
    if (deps.now() < (known.get(token) ?? 0)) return
    const user = await deps.reviewToken(token, peerAddress(peer))
    if (user.username !== INJECTOR) {
      throw new Fault('permission_denied', 'Only the injector may tell of admitted objects')
    }
    known.delete(token)
    for (const [oldest, untilMs] of known) {
      if (known.size < REMEMBERED_MAX && deps.now() < untilMs) break
      known.delete(oldest)
    }
    known.set(token, deps.now() + REVIEW_MS)
  }
}

function fromMessage(message: ContextMessage | undefined): AdmissionContext {
  if (message === undefined) throw new Fault('request_invalid', 'The message has no context')
  requireAll({ namespace: message.namespace })
  const { controller } = message
  if (controller !== undefined) requireAll({ uid: controller.uid, kind: controller.kind })
  return {
    user: userFromMessage(message.user),
    namespace: message.namespace,
    controller,
    dryRun: message.dryRun,
  }
}

function requireAll(fields: Readonly<Record<string, string>>): void {
  const missing = Object.keys(fields).filter((name) => fields[name] === '')
  if (missing.length > 0)
    throw new Fault('request_invalid', `The message lacks ${missing.join(', ')}`)
}
