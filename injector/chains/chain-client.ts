import { readFileSync } from 'node:fs'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { type ChannelCredentials, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import type { DelegationChain } from '../../core/chain.ts'
import type { VisitKind } from '../../core/chain-visits.ts'
import type { PodTemplateBody } from '../../core/commands/container-command.ts'
import { Fault, type FaultCode } from '../../core/fault.ts'
import type { OwnerReference } from '../../core/pods/pod.ts'
import { chainFromMessage, userToMessage } from '../../proto/chain-message.ts'
import { fromServiceError } from '../../proto/fault-status.ts'
import {
  type AdmissionContextSchema,
  AdmissionService,
  WorkloadChange as ChangeMessage,
  VisitKind as VisitKindMessage,
} from '../../proto/gen/lanyard/v1/admission_pb.ts'
import type { DelegationChain as ChainMessage } from '../../proto/gen/lanyard/v1/chain_pb.ts'
import { createGrpcClient } from '../../proto/grpc-service.ts'
import { templateToMessage } from '../../proto/template-message.ts'
import type { AdmissionRequest } from '../admission/admission-review.ts'

/** A pod as validating admission sees it: with its name and its UID. */
export interface PodToBind {
  readonly podUid: string
  readonly podName: string
  readonly serviceAccount: string
}

export interface WorkloadToRecord {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  /** metadata.generation; 0 for what has none. */
  readonly generation: number
  /** What chooses code in it; see `codeDigest`. */
  readonly codeDigest?: string
}

/** What happened to a workload. */
export type WorkloadChange =
  | { readonly what: 'created' | 'template-changed' | 'adopted' }
  /** Nothing that chooses code; `fields` says what else. */
  | { readonly what: 'touched'; readonly fields: readonly string[] }

/** Somebody reaches into a pod that runs. */
export interface AdmittedVisit {
  readonly podName: string
  /** Empty where admission does not see it. */
  readonly podUid: string
  readonly kind: VisitKind
}

/** The control plane, as the injector uses it. Every method throws a Fault when it gives no answer. */
export interface ChainClient {
  resolvePod(request: AdmissionRequest, owner: OwnerReference | undefined): Promise<DelegationChain>
  bindPod(
    request: AdmissionRequest,
    owner: OwnerReference | undefined,
    pod: PodToBind,
  ): Promise<DelegationChain>
  recordWorkload(
    request: AdmissionRequest,
    owner: OwnerReference | undefined,
    workload: WorkloadToRecord,
    change: WorkloadChange,
    template?: PodTemplateBody,
  ): Promise<void>
  /** Whoever sent the request answers for a workload alone, from now on. */
  resetChain(request: AdmissionRequest, workload: WorkloadToRecord): Promise<void>
  /** Puts on record who reaches into a pod that runs, before they do. */
  recordVisit(request: AdmissionRequest, visit: AdmittedVisit): Promise<void>
  close(): void
}

/** The control plane, as far as it is asked for certificates. Throws as `ChainClient` does. */
export interface CertificateIssuer {
  /** The webhooks' certificate for a public key (SubjectPublicKeyInfo in DER), as PEM. */
  issueCertificate(publicKey: Uint8Array): Promise<string>
}

/** Half of the webhooks' own timeout, so that a silent control plane still gets a clear answer out. */
const DEADLINE_MS = 5_000

const VISITS = {
  exec: VisitKindMessage.EXEC,
  attach: VisitKindMessage.ATTACH,
  portforward: VisitKindMessage.PORTFORWARD,
  ephemeralcontainers: VisitKindMessage.EPHEMERALCONTAINERS,
  image: VisitKindMessage.IMAGE,
} as const

const CHANGES = {
  created: ChangeMessage.CREATED,
  'template-changed': ChangeMessage.TEMPLATE_CHANGED,
  adopted: ChangeMessage.ADOPTED,
  touched: ChangeMessage.TOUCHED,
} as const

/** A client for `host:port` of the control plane. Each call throws a Fault that says what to do. */
export function createChainClient(options: {
  readonly address: string
  readonly caPem: string
  /** Projected token with the control plane's audience; read again for each call, since it rotates. */
  readonly tokenFile: string
}): ChainClient & CertificateIssuer {
  const channel: ChannelCredentials = credentials.createSsl(Buffer.from(options.caPem))
  const client = createGrpcClient(AdmissionService, options.address, channel, {
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 3_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
  })
  function call<Message>(
    send: (metadata: Metadata, options: object, done: ChainCallback<Message>) => unknown,
  ): Promise<Message> {
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${readFileSync(options.tokenFile, 'utf8').trim()}`)
    return new Promise((resolve, reject) => {
      send(metadata, { deadline: Date.now() + DEADLINE_MS }, (error, answer) => {
        if (error !== null) reject(toFault(error))
        else if (answer === undefined) reject(new Fault('decision_unavailable', UNAVAILABLE))
        else resolve(answer)
      })
    })
  }
  return {
    async resolvePod(request, owner) {
      const message = { context: toContext(request, owner) }
      return chainOf(await call<ChainReply>((...rest) => client.resolvePod(message, ...rest)))
    },
    async bindPod(request, owner, pod) {
      const message = { context: toContext(request, owner), ...pod }
      return chainOf(await call<ChainReply>((...rest) => client.bindPod(message, ...rest)))
    },
    async recordWorkload(request, owner, workload, change, template) {
      const message = {
        context: toContext(request, owner),
        ...workload,
        generation: BigInt(workload.generation),
        change: CHANGES[change.what],
        fields: change.what === 'touched' ? [...change.fields] : [],
        ...(template === undefined ? {} : { template: templateToMessage(template) }),
      }
      chainOf(await call<ChainReply>((...rest) => client.recordWorkload(message, ...rest)))
    },
    async resetChain(request, workload) {
      const context = toContext(request, undefined)
      const message = { context, ...workload, generation: BigInt(workload.generation) }
      chainOf(await call<ChainReply>((...rest) => client.resetChain(message, ...rest)))
    },
    async issueCertificate(publicKey) {
      const send = (
        ...rest: [Metadata, object, ChainCallback<{ readonly certificatePem: string }>]
      ) => client.issueCertificate({ publicKey }, ...rest)
      return (await call(send)).certificatePem
    },
    async recordVisit(request, { kind, ...visit }) {
      const message = { context: toContext(request, undefined), ...visit, kind: VISITS[kind] }
      await call<object>((...rest) => client.recordVisit(message, ...rest))
    },
    close: () => client.close(),
  }
}

interface ChainReply {
  readonly chain?: ChainMessage | undefined
}

type ChainCallback<Message> = (error: ServiceError | null, answer?: Message) => void

const UNAVAILABLE =
  "Lanyard's control plane does not answer, and without it nobody is on record for this object. Try again; kubectl lanyard check says more"

/** An answer without a chain is no answer. */
function chainOf(answer: ChainReply): DelegationChain {
  return chainFromMessage(answer.chain)
}

function toContext(
  request: AdmissionRequest,
  owner: OwnerReference | undefined,
): MessageInitShape<typeof AdmissionContextSchema> {
  const context = {
    user: userToMessage(request.user),
    namespace: request.namespace,
    dryRun: request.dryRun,
  }
  if (owner === undefined) return context
  const { apiVersion, kind, name, uid } = owner
  return { ...context, controller: { apiVersion, kind, name, uid } }
}

/**
 * Faults that say something about the object, or what to do; all others say that nobody answered.
 * What is wrong with the injector's own credential is none of the user's.
 */
const RELAYED: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'audit_unavailable',
  'binding_conflict',
  'overloaded',
  'permission_denied',
  'request_invalid',
])

function toFault(error: ServiceError): Fault {
  const fault = fromServiceError(error)
  if (fault !== undefined && RELAYED.has(fault.code)) return fault
  return new Fault('decision_unavailable', UNAVAILABLE, { cause: error })
}
