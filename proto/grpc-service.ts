import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type {
  ChannelInterface,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  MethodDefinition,
  ServiceDefinition,
  ServiceError,
} from '@grpc/grpc-js'
import {
  type CallOptions,
  type ChannelCredentials,
  type ClientOptions,
  makeGenericClientConstructor,
} from '@grpc/grpc-js'

import { AuthorizationService } from './gen/lanyard/v1/authorization_pb.ts'
import { streamRequestBytes, streamResponseBytes } from './stream-codec.ts'

/** How one service encodes its requests, where the library takes too long. */
export type RequestCodec = Partial<
  Pick<MethodDefinition<object, object>, 'requestSerialize' | 'requestDeserialize'>
>

/**
 * Describes a Protobuf-ES service in the form grpc-js wants; neither library ships this bridge. A codec is for the
 * requests of every method.
 */
export function grpcService(service: DescService, codec: RequestCodec = {}): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method) => [method.localName, { ...toMethod(method), ...codec }]),
  )
}

function toMethod(method: DescMethod): MethodDefinition<object, object> {
  const { input, output, methodKind } = method
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    requestSerialize: (message) => serialize(input, message),
    requestDeserialize: (bytes) => fromBinary(input, bytes),
    responseSerialize: (message) => serialize(output, message),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
    ...(method === AuthorizationService.method.authorizeStream ? DECISION_STREAM : {}),
  }
}

/** Each request of each pod has two messages of it. */
const DECISION_STREAM: Pick<
  MethodDefinition<object, object>,
  'requestSerialize' | 'responseSerialize'
> = { requestSerialize: streamRequestBytes, responseSerialize: streamResponseBytes }

/** Completes what a caller left out, then encodes; the buffer shares the encoder's memory. */
function serialize(schema: DescMessage, message: object): Buffer {
  const bytes = toBinary(schema, create(schema, message as MessageInitShape<DescMessage>))
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

type Methods<Service extends DescService> = Service['method']

/** Handlers for each method of a service; an answer may leave out fields that keep their zero. */
export type GrpcHandlers<Service extends DescService> = {
  readonly [Name in keyof Methods<Service>]: Methods<Service>[Name] extends {
    readonly methodKind: infer Kind
    readonly input: infer Input extends DescMessage
    readonly output: infer Output extends DescMessage
  }
    ? Kind extends 'unary'
      ? handleUnaryCall<MessageShape<Input>, MessageInitShape<Output>>
      : Kind extends 'server_streaming'
        ? handleServerStreamingCall<MessageShape<Input>, MessageInitShape<Output>>
        : Kind extends 'bidi_streaming'
          ? handleBidiStreamingCall<MessageShape<Input>, MessageInitShape<Output>>
          : never
    : never
}

type Unary<Input, Output> = (
  message: Input,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response?: Output) => void,
) => ClientUnaryCall

/** A client's methods, in grpc-js's own calling style. */
export type GrpcClient<Service extends DescService> = {
  readonly [Name in keyof Methods<Service>]: Methods<Service>[Name] extends {
    readonly methodKind: infer Kind
    readonly input: infer Input extends DescMessage
    readonly output: infer Output extends DescMessage
  }
    ? Kind extends 'unary'
      ? Unary<MessageInitShape<Input>, MessageShape<Output>>
      : Kind extends 'server_streaming'
        ? (
            message: MessageInitShape<Input>,
            metadata?: Metadata,
            options?: Partial<CallOptions>,
          ) => ClientReadableStream<MessageShape<Output>>
        : Kind extends 'bidi_streaming'
          ? (
              metadata?: Metadata,
              options?: Partial<CallOptions>,
            ) => ClientDuplexStream<MessageInitShape<Input>, MessageShape<Output>>
          : never
    : never
} & {
  close(): void
  /** To be shared with a client of another service, as its `channelOverride`. */
  getChannel(): ChannelInterface
  /** Calls back when the channel is connected, or with an error at `deadline` (epoch ms). */
  waitForReady(deadline: number, callback: (error?: Error) => void): void
}

/** A grpc-js client for a Protobuf-ES service. `address` is `host:port`. */
export function createGrpcClient<Service extends DescService>(
  service: Service,
  address: string,
  credentials: ChannelCredentials,
  options?: Partial<ClientOptions>,
  codec?: RequestCodec,
): GrpcClient<Service> {
  const Client = makeGenericClientConstructor(grpcService(service, codec), service.typeName)
  return new Client(address, credentials, options) as unknown as GrpcClient<Service>
}
