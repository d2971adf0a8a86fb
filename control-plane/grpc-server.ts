import { type DescFile, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { Server, type ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation } from 'grpc-health-check'
import { AdmissionService } from '../proto/gen/lanyard/v1/admission_pb.ts'
import { AuditService } from '../proto/gen/lanyard/v1/audit_pb.ts'
import { AuthorizationService } from '../proto/gen/lanyard/v1/authorization_pb.ts'
import { ChainService } from '../proto/gen/lanyard/v1/chain_pb.ts'
import { EnrolmentService } from '../proto/gen/lanyard/v1/enrolment_pb.ts'
import { type GrpcHandlers, grpcService } from '../proto/grpc-service.ts'

export interface GrpcServices {
  readonly enrolment: GrpcHandlers<typeof EnrolmentService>
  readonly authorization: GrpcHandlers<typeof AuthorizationService>
  readonly admission: GrpcHandlers<typeof AdmissionService>
  readonly chain: GrpcHandlers<typeof ChainService>
  readonly audit: GrpcHandlers<typeof AuditService>
}

export interface GrpcServer {
  readonly port: number
  /** What the health service says of the whole server. */
  setServing(serving: boolean): void
  /** Lets calls end for a while, then ends them. */
  close(): Promise<void>
}

/** Messages are small; the largest carries a chain with the groups of its requesters. */
const MESSAGE_BYTES_MAX = 1_024 * 1_024
/** A sidecar opens one stream and a call or two. */
const STREAMS_MAX = 64
/** Streams of sidecars never end by themselves. */
const DRAIN_MS = 2_000

const SERVICES = [
  EnrolmentService,
  AuthorizationService,
  AdmissionService,
  ChainService,
  AuditService,
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
  })
  const add = (service: (typeof SERVICES)[number], handlers: object) =>
    server.addService(grpcService(service), handlers as UntypedServiceImplementation)
  add(EnrolmentService, services.enrolment)
  add(AuthorizationService, services.authorization)
  add(AdmissionService, services.admission)
  add(ChainService, services.chain)
  add(AuditService, services.audit)
  const health = new HealthImplementation({ '': 'NOT_SERVING' })
  health.addToServer(server)
  createReflection().addToServer(server)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return {
    port,
    setServing: (serving) => health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING'),
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.forceShutdown(), DRAIN_MS)
        server.tryShutdown(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
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
