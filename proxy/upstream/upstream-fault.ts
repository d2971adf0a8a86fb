import { Fault } from '../../core/fault.ts'
import { MalformedMessage } from '../wire/malformed-message.ts'

/**
 * What a failed exchange with the API server means for the caller. `sent` says that the request may
 * have reached it: then a write may have been carried out, and inviting a retry could do it twice.
 */
export function upstreamFault(error: unknown, request: { method: string; sent: boolean }): Fault {
  if (error instanceof Fault) return error
  const harmless = request.method === 'GET' || request.method === 'HEAD' || !request.sent
  const code = (error as { code?: unknown } | undefined)?.code
  // Tunnels are read by Node's parser.
  const unreadable =
    error instanceof MalformedMessage || (typeof code === 'string' && code.startsWith('HPE_'))
  if (unreadable) {
    return new Fault('upstream_failed', 'The API server sent an answer that is not HTTP', {
      cause: error,
    })
  }
  if (harmless) {
    return new Fault('upstream_unavailable', 'Cannot reach the API server; try again', {
      cause: error,
    })
  }
  return new Fault(
    'upstream_failed',
    'The API server broke off before it answered, so the request may have been carried out: look before you try again',
    { cause: error },
  )
}
