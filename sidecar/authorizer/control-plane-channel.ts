import type { DescService } from '@bufbuild/protobuf'
import { ChannelCredentials } from '@grpc/grpc-js'
import { AuthorizationService } from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { EnrolmentService } from '../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { createGrpcClient, type GrpcClient, type RequestCodec } from '../../proto/grpc-service.ts'

export interface ControlPlaneChannelOptions {
  /** `host:port` */
  readonly address: string
  /** Name that its certificate must hold; empty means the host of `address`. */
  readonly serverName: string
  readonly caPem: string
  readonly keepaliveMs: number
  readonly reconnectMs: { readonly min: number; readonly max: number }
}

/** The services over one connection. */
export interface ControlPlaneChannel {
  readonly enrolment: GrpcClient<typeof EnrolmentService>
  readonly authorization: GrpcClient<typeof AuthorizationService>
  /** A client of another service over the same connection. */
  clientOf<Service extends DescService>(service: Service, codec?: RequestCodec): GrpcClient<Service>
  /** Rejects when there is no connection after this time. */
  ready(timeoutMs: number): Promise<void>
  close(): void
}

/** Starts to connect at the first use. */
export function openControlPlaneChannel(options: ControlPlaneChannelOptions): ControlPlaneChannel {
  const { address } = options
  const credentials = ChannelCredentials.createSsl(Buffer.from(options.caPem))
  const authorization = createGrpcClient(
    AuthorizationService,
    address,
    credentials,
    toChannelOptions(options),
  )
  const enrolment = createGrpcClient(EnrolmentService, address, credentials, {
    channelOverride: authorization.getChannel(),
  })
  return {
    enrolment,
    authorization,
    clientOf: (service, codec) => {
      const channelOverride = authorization.getChannel()
      return createGrpcClient(service, address, credentials, { channelOverride }, codec)
    },
    ready: (timeoutMs) =>
      new Promise((resolve, reject) => {
        authorization.waitForReady(Date.now() + timeoutMs, (error) => {
          if (error === undefined) resolve()
          else reject(error)
        })
      }),
    close: () => authorization.close(),
  }
}

function toChannelOptions({ serverName, keepaliveMs, reconnectMs }: ControlPlaneChannelOptions) {
  const named = {
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
  }
  return {
    ...(serverName === '' ? {} : named),
    // A peer that is gone without a word is noticed after twice this time.
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveMs,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': reconnectMs.min,
    'grpc.max_reconnect_backoff_ms': reconnectMs.max,
    // With the pool of the process, a new channel would wait on with the connection of the old one.
    'grpc.use_local_subchannel_pool': 1,
    // Retries would keep every message of the stream in memory.
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_receive_message_length': 1024 * 1024,
  }
}
