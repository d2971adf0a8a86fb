import { type AddressInfo, createServer, type Server as Listener } from 'node:net'
import { type DescFile, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import {
  Server,
  type ServerCredentials,
  type ServerDuplexStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation } from 'grpc-health-check'
import { ConnectionGate, type GateBounds, STRANGERS } from '../platform/connection-gate.ts'
import { trackConnections } from '../platform/connections.ts'
import { AdmissionService } from '../proto/gen/lanyard/v1/admission_pb.ts'
import { ApprovalService } from '../proto/gen/lanyard/v1/approval_pb.ts'
import { AuditService } from '../proto/gen/lanyard/v1/audit_pb.ts'
import { AuthorizationService } from '../proto/gen/lanyard/v1/authorization_pb.ts'
import { ChainService } from '../proto/gen/lanyard/v1/chain_pb.ts'
import { EnrolmentService } from '../proto/gen/lanyard/v1/enrolment_pb.ts'
import { RecordingService } from '../proto/gen/lanyard/v1/recording_pb.ts'
import { ReviewService } from '../proto/gen/lanyard/v1/review_pb.ts'
import { type GrpcHandlers, grpcService, type RequestCodec } from '../proto/grpc-service.ts'
import { RECORD_REQUESTS } from '../proto/record-codec.ts'
import { widenWindows } from './widen-windows.ts'

export interface GrpcServices {
  readonly enrolment: GrpcHandlers<typeof EnrolmentService>
  readonly authorization: GrpcHandlers<typeof AuthorizationService>
  readonly admission: GrpcHandlers<typeof AdmissionService>
  readonly chain: GrpcHandlers<typeof ChainService>
  readonly audit: GrpcHandlers<typeof AuditService>
  readonly recording: GrpcHandlers<typeof RecordingService>
  readonly approval: GrpcHandlers<typeof ApprovalService>
  readonly review: GrpcHandlers<typeof ReviewService>
}

export interface GrpcServer {
  readonly port: number
  /** What the health service says of the whole server. */
  setServing(serving: boolean): void
  /** Lets calls end for a while, then ends them. */
  close(): Promise<void>
}

/** Messages are small; the largest carries the body of a request that waits for an approval, 1 MiB at most. */
const MESSAGE_BYTES_MAX = 1_280 * 1_024
/** A sidecar opens one stream, a call or two, and one for each session that is recorded. */
const STREAMS_MAX = 320
/** A sidecar keeps one connection; pods behind a NAT share an address. */
const GATE: GateBounds = { ...STRANGERS, known: { total: 8_192, perAddress: 1_024 } }
/** Sidecars hold a stream open for as long as they run; who holds nothing open connects again. */
const IDLE_MS = 5 * 60_000
/** Streams of sidecars never end by themselves. */
const DRAIN_MS = 2_000
const LINGER_MS = 50

const SERVICES = [
  EnrolmentService,
  AuthorizationService,
  AdmissionService,
  ChainService,
  AuditService,
  RecordingService,
  ApprovalService,
  ReviewService,
]

/** Serves Lanyard's services with health and reflection. `address` is `host:port`; port 0 is any. */
export async function startGrpcServer(
  address: string,
  credentials: ServerCredentials,
  services: GrpcServices,
): Promise<GrpcServer> {
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': STREAMS_MAX,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_connection_idle_ms': IDLE_MS,
  })
  widenWindows(server)
  const gate = new ConnectionGate(GATE)
  const add = (service: (typeof SERVICES)[number], handlers: object, codec?: RequestCodec) =>
    server.addService(grpcService(service, codec), passing(gate, handlers as Handlers))
  add(EnrolmentService, services.enrolment)
  add(AuthorizationService, services.authorization)
  add(AdmissionService, services.admission)
  add(ChainService, services.chain)
  add(AuditService, services.audit)
  add(ReviewService, services.review)
  add(RecordingService, services.recording, RECORD_REQUESTS)
  add(ApprovalService, services.approval)
  const health = new HealthImplementation({ '': 'NOT_SERVING' })
  health.addToServer(server)
  createReflection().addToServer(server)
  const injector = server.createConnectionInjector(credentials)
  const listener = createServer((socket) => {
    if (gate.enter(socket)) injector.injectConnection(socket)
  })
  const cut = trackConnections(listener)
  const port = await listen(listener, address)
  return {
    port,
    setServing: (serving) => health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING'),
    close: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.forceShutdown(), DRAIN_MS)
        listener.close(() => resolve())
        server.tryShutdown(() => {
          clearTimeout(force)
          // The last answers leave; what is in the middle of a handshake is ended.
          setTimeout(cut, LINGER_MS)
        })
      }),
  }
}

type Handlers = Readonly<Record<string, (call: PassingCall, callback?: Callback) => void>>
type Callback = (error: unknown, ...rest: readonly unknown[]) => void
type PassingCall = Pick<ServerDuplexStream<object, object>, 'getPeer' | 'write' | 'sendMetadata'>

/**
 * The handlers, of which each answer lets the caller's connection through the gate: none of Lanyard's own
 * services answers with anything but an error before it has seen a credential. Health and reflection do.
 */
function passing(gate: ConnectionGate, handlers: Handlers): UntypedServiceImplementation {
  const pass = (name: string, handle: Handlers[string]) =>
    [
      name,
      (call: PassingCall, callback?: Callback): void => {
        const answered = () => gate.passKey(call.getPeer())
        if (callback === undefined) {
          passStream(call, answered)
          handle(call)
          return
        }
        handle(call, (error, ...rest) => {
          if (error === null) answered()
          callback(error, ...rest)
        })
      },
    ] as const
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handle]) => pass(name, handle.bind(handlers))),
  ) as UntypedServiceImplementation
}

/** A stream has been let in when its handler sends metadata, or its first message. */
function passStream(call: PassingCall, answered: () => void): void {
  const { sendMetadata, write } = call
  call.sendMetadata = (metadata) => {
    answered()
    sendMetadata.call(call, metadata)
  }
  call.write = ((...written: Parameters<PassingCall['write']>) => {
    call.write = write
    answered()
    return write.apply(call, written)
  }) as PassingCall['write']
}

/** Resolves with the port. `address` is `host:port`, an IPv6 host in brackets. */
function listen(listener: Listener, address: string): Promise<number> {
  const { hostname, port } = new URL(`tcp://${address}`)
  return new Promise((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(Number(port), hostname.replace(/^\[|\]$/g, ''), () => {
      listener.off('error', reject)
      resolve((listener.address() as AddressInfo).port)
    })
  })
}

/** Reflection reads file descriptors as bytes; ours come from Protobuf-ES. */
function createReflection(): ReflectionService {
  const files = new Map<string, DescFile>()
  const visit = (file: DescFile): void => {
    if (files.has(file.name)) return
    files.set(file.name, file)
    for (const dependency of file.dependencies) visit(dependency)
  }
  for (const service of SERVICES) visit(service.file)
  const fileDescriptorProtos = [...files.values()].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
  )
  // Of a package definition the library reads nothing but these bytes.
  type Definition = ConstructorParameters<typeof ReflectionService>[0]
  return new ReflectionService({ lanyard: { fileDescriptorProtos } } as unknown as Definition)
}
