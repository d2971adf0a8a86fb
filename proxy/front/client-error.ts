import type { Duplex } from 'node:stream'
import { FAULTS, Fault } from '../../core/fault.ts'
import { failureStatus } from '../../core/kubernetes/status.ts'
import { answerSocket, faultAnswer, openAnswer } from '../answer/answer.ts'
import { linger } from '../answer/linger.ts'
import type { ProxyMetrics } from '../metrics.ts'

/**
 * Answers what Node's parser could not, or not in time: nobody is known to have asked, so it is
 * counted and not on record. A connection on which nothing came at all ends without a word, since
 * clients open some in advance and may take an answer for one to their next request.
 */
export function answerClientError(
  metrics: Pick<ProxyMetrics, 'malformed'>,
  headBytesMax: number,
  error: NodeJS.ErrnoException,
  socket: Duplex & { readonly bytesRead?: number },
): void {
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  if (!late && error.code !== 'ECONNRESET' && socket.writable) metrics.malformed.inc()
  if (error.code === 'ECONNRESET' || socket.bytesRead === 0 || !mayAnswer(socket)) {
    socket.destroy()
    return
  }
  // Node's parser would call what comes after the error another one.
  socket.removeAllListeners('data')
  if (!socket.writable) linger(socket)
  else answerSocket(socket, late ? LATE : faultAnswer(malformed(error, headBytesMax)))
}

const LATE = {
  status: failureStatus(408, 'Timeout', 'The request did not come in time; send it again'),
  decisionId: '',
}

function malformed({ code }: NodeJS.ErrnoException, headBytesMax: number): Fault {
  const message =
    code === 'HPE_HEADER_OVERFLOW'
      ? `The request line and headers together may have ${headBytesMax} bytes`
      : `The request is not valid HTTP/1.1 (HTTP ${FAULTS.request_invalid.httpStatus})`
  return new Fault('request_invalid', message)
}

/** False once a request is complete: the caller would take this refusal for the answer to that request. */
function mayAnswer(socket: Duplex): boolean {
  const open = openAnswer(socket)
  return open === undefined || (!open.headersSent && !open.req.complete)
}
