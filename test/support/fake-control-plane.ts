import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { questionFromMessage } from '../../control-plane/services/authorization-message.ts'
import { Fault } from '../../core/fault.ts'
import { createCertificateAuthority } from '../../platform/certificate-authority.ts'
import {
  AuthorizationService,
  type AuthorizeRequest,
  type AuthorizeStreamRequest,
  AuthorizeStreamResponseSchema,
  Effect,
  type Outcome,
  type ProspectSchema,
  type ReviewChainRequest,
  ReviewChainResponseSchema,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { type EnrollRequest, EnrolmentService } from '../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { RecordingService, type RecordRequest } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import { grpcService } from '../../proto/grpc-service.ts'
import { FakeRecordings } from './fake-recordings.ts'
import { startRelay } from './start-relay.ts'

type Answer = MessageInitShape<typeof AuthorizeStreamResponseSchema>['message']
type Stream = ServerDuplexStream<AuthorizeStreamRequest, Uint8Array>

/** What the chain would be answered; allowed unless told otherwise. */
export type Review = (request: AuthorizeRequest) => MessageInitShape<typeof ProspectSchema>

/** What to answer to one question: a message, raw bytes of a message, or silence. */
export type Decide = (
  request: AuthorizeRequest,
  id: string,
) => Answer | Uint8Array | undefined | Promise<Answer | undefined>

/**
 * A gRPC server in the place of the control plane, for answers that the real one never gives. A
 * relay stands before it, so that the network between can be cut or made to swallow everything.
 */
export interface FakeControlPlane {
  readonly address: string
  readonly caPem: string
  /** Questions in the order in which they came. */
  readonly questions: AuthorizeRequest[]
  readonly outcomes: Outcome[]
  /** Sessions that were sent to be recorded. */
  readonly recordings: FakeRecordings
  /** Ids of open requests that a new stream was told of. */
  readonly resumed: string[]
  /** Tokens with which sidecars enrolled. */
  readonly enrolments: string[]
  /** Sessions with which streams were opened. */
  readonly sessions: string[]
  decide(decide: Decide): void
  review(review: Review): void
  /** Questions about what the chain would be answered. */
  readonly reviewed: AuthorizeRequest[]
  /** How long sessions live; enrolment fails with UNAUTHENTICATED when it is 0. */
  setSessionMs(ms: number): void
  /** Version of the protocol that it answers enrolments with; 0 unless told otherwise. */
  setWireVersion(version: number): void
  /** Tells that something has changed. */
  change(): void
  /** Refuses streams that bring a session other than the newest. */
  forgetSessions(): void
  revoke(decisionId: string): void
  /** Ends every stream with a gRPC status. */
  endStreams(code: status): void
  /** The network swallows everything, on old connections and on new ones. */
  blackhole(on: boolean): void
  /** The process dies: connections are reset and new ones refused. */
  kill(): Promise<void>
  /** Another process takes its place at the same address, knowing no session. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** An allow with the id that the fake gave the question. */
export function allow(id: string, warning = ''): Answer {
  return { case: 'decision', value: { decisionId: id, effect: Effect.ALLOW, warning } }
}

/** An allow by which the same question may be foreseen. */
export function allowForeseen(decisionId: string): Answer {
  return { case: 'decision', value: { decisionId, effect: Effect.ALLOW, mayBeForeseen: true } }
}

/** A deny as the real control plane words it. */
export function deny(id: string, message = `pods "x" is forbidden [decision ${id}]`): Answer {
  const causes = [{ reason: 'LanyardDecision', field: 'decision', message: id }]
  return { case: 'decision', value: { decisionId: id, effect: Effect.DENY, message, causes } }
}

/**
 * Starts it on a free port of the loopback, with a certificate of its own authority. With a `lane` it takes ids that
 * sidecars make.
 */
export async function startFakeControlPlane(lane = ''): Promise<FakeControlPlane> {
  const authority = await createCertificateAuthority({
    commonName: 'lanyard',
    validForMs: 3_600_000,
  })
  const certificate = await authority.issueServerCertificate({
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    validForMs: 3_600_000,
  })
  const credentials = ServerCredentials.createSsl(null, [
    {
      cert_chain: Buffer.from(certificate.certificatePem),
      private_key: Buffer.from(certificate.privateKeyPem),
    },
  ])
  const questions: AuthorizeRequest[] = []
  const outcomes: Outcome[] = []
  const recordings = new FakeRecordings()
  const resumed: string[] = []
  const enrolments: string[] = []
  const sessions: string[] = []
  const streams = new Set<Stream>()
  let valid = new Set<string>()
  let decide: Decide = (_request, id) => allow(id)
  let review: Review = () => ({ effect: Effect.ALLOW })
  const reviewed: AuthorizeRequest[] = []
  let sessionMs = 3_600_000
  let wireVersion = 0
  let lastId = 0

  async function receive(stream: Stream, { correlation, message }: AuthorizeStreamRequest) {
    if (message.case === 'batch') {
      for (const one of message.value.messages) void receive(stream, one)
      return
    }
    if (message.case === 'outcome') outcomes.push(message.value)
    if (message.case === 'resume') resumed.push(message.value.decisionId)
    if (message.case !== 'authorize') return
    const failure = refusalOf(message.value)
    if (failure !== undefined) {
      stream.write(encode({ correlation, message: failure }))
      return
    }
    questions.push(message.value)
    lastId += 1
    const answer = await decide(message.value, message.value.decisionId || `decision-${lastId}`)
    if (answer === undefined) return
    stream.write(answer instanceof Uint8Array ? answer : encode({ correlation, message: answer }))
  }

  function addServices(to: Server): void {
    to.addService(encodedService(grpcService(AuthorizationService)), {
      reviewChain: (
        { request: { questions } }: ServerUnaryCall<ReviewChainRequest, Uint8Array>,
        callback: sendUnaryData<Uint8Array>,
      ) => {
        reviewed.push(...questions)
        const message = create(ReviewChainResponseSchema, { prospects: questions.map(review) })
        callback(null, toBinary(ReviewChainResponseSchema, message))
      },
      authorizeStream: (stream: Stream) => {
        const session = String(stream.metadata.get('authorization')[0]).replace('Bearer ', '')
        sessions.push(session)
        if (!valid.has(session)) {
          stream.emit('error', { code: status.UNAUTHENTICATED, details: 'unknown session' })
          return
        }
        streams.add(stream)
        stream.on('data', (request: AuthorizeStreamRequest) => void receive(stream, request))
        stream.on('end', () => {
          streams.delete(stream)
          stream.end()
        })
        stream.on('cancelled', () => streams.delete(stream))
        stream.on('error', () => streams.delete(stream))
      },
    })
    to.addService(grpcService(RecordingService), {
      record: (call: ServerDuplexStream<RecordRequest, object>) => recordings.serve(call),
    })
    to.addService(grpcService(EnrolmentService), {
      enroll: (call: ServerUnaryCall<EnrollRequest, object>, callback: sendUnaryData<object>) => {
        enrolments.push(call.request.token)
        if (sessionMs === 0) {
          callback({ code: status.UNAUTHENTICATED, details: 'not a token of a pod' })
          return
        }
        const session = `session-${enrolments.length}`
        valid.add(session)
        const expiresAt = timestampFromMs(Date.now() + sessionMs)
        const ids = { lane, now: timestampFromMs(Date.now()) }
        callback(null, { session, expiresAt, wireVersion, controlPlaneVersion: '9.0.0', ...ids })
      },
    })
  }

  let server = new Server()
  async function start(): Promise<number> {
    server = new Server()
    addServices(server)
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
        if (error === null) resolve(port)
        else reject(error)
      })
    })
  }
  let serverPort = await start()
  const relay = await startRelay(() => serverPort)

  async function kill(): Promise<void> {
    relay.refuse(true)
    server.forceShutdown()
    streams.clear()
    valid = new Set()
  }

  return {
    address: `127.0.0.1:${relay.port}`,
    caPem: authority.certificatePem,
    questions,
    outcomes,
    recordings,
    resumed,
    enrolments,
    sessions,
    reviewed,
    review: (next) => {
      review = next
    },
    decide: (next) => {
      decide = next
    },
    setWireVersion: (version) => {
      wireVersion = version
    },
    change: () => {
      for (const stream of streams) {
        stream.write(encode({ message: { case: 'changed', value: {} } }))
      }
    },
    setSessionMs: (ms) => {
      sessionMs = ms
    },
    forgetSessions: () => {
      valid = new Set()
    },
    revoke: (decisionId) => {
      const message = encode({
        message: { case: 'revocation', value: { decisionId, message: 'the grant has ended' } },
      })
      for (const stream of streams) stream.write(message)
    },
    endStreams: (code) => {
      for (const stream of streams) stream.emit('error', { code, details: 'ended by the test' })
      streams.clear()
    },
    blackhole: relay.blackhole,
    kill,
    restart: async () => {
      serverPort = await start()
      relay.refuse(false)
    },
    close: async () => {
      await kill()
      await relay.close()
    },
  }
}

/** The limits of the real one, so that what it would not put on record is not on record here. */
function refusalOf(question: AuthorizeRequest): Answer | undefined {
  try {
    questionFromMessage(question)
    return undefined
  } catch (error) {
    const { code, message } = Fault.from(error)
    return { case: 'failure', value: { code, message } }
  }
}

function encode(init: MessageInitShape<typeof AuthorizeStreamResponseSchema>): Uint8Array {
  return toBinary(AuthorizeStreamResponseSchema, create(AuthorizeStreamResponseSchema, init))
}

/** The service, but answers are bytes already: a message of another version can be sent too. */
function encodedService(service: ServiceDefinition): ServiceDefinition {
  const methods = Object.entries(service).map(([name, method]) => [
    name,
    { ...method, responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes) },
  ])
  return Object.fromEntries(methods) as ServiceDefinition
}
