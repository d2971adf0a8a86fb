import type { Metadata, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import { Fault } from '../../core/fault.ts'
import type { Logger } from '../../platform/logger.ts'
import { toServiceError } from '../../proto/fault-status.ts'

/** Runs a unary handler that may throw, and answers with its result or its fault. */
export function unary<Request, Response>(
  logger: Logger,
  handle: (request: Request, metadata: Metadata, peer: string) => Promise<Response>,
): (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => void {
  return (call, callback) => {
    handle(call.request, call.metadata, call.getPeer()).then(
      (response) => callback(null, response),
      (error: unknown) => {
        const fault = Fault.from(error)
        if (fault.code === 'internal') logger.error({ error }, 'A call failed')
        callback(toServiceError(fault))
      },
    )
  }
}

/** The address of a peer without its port, which is another for each connection. */
export function peerAddress(peer: string): string {
  return peer.replace(/:\d+$/, '')
}

/** The bearer token of a call's metadata. Throws `identity_unverified` when there is none. */
export function bearerToken(metadata: Metadata): string {
  const [value] = metadata.get('authorization')
  const match = typeof value === 'string' ? /^Bearer (\S+)$/.exec(value) : null
  if (match?.[1] === undefined)
    throw new Fault('identity_unverified', 'The call has no bearer token')
  return match[1]
}
