import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Fault } from '../../core/fault.ts'
import { faultStatus, type Status } from '../../core/kubernetes/status.ts'
import { endAfterBody, linger } from './linger.ts'
import { warningHeader } from './warning-header.ts'

/** An answer of the sidecar's own: always a Kubernetes `Status`, with the same code as HTTP status. */
export interface Answer {
  readonly status: Status
  /** Id of the record, where there is one; callers find it as `Audit-Id`, as kube-apiserver's. */
  readonly decisionId: string
  /** What clients show that do not read the Status. */
  readonly warning?: string
}

/** The answer to a request that could not be served, and for which no decision is on record. */
export function faultAnswer(fault: Fault): Answer {
  return { status: faultStatus(fault), decisionId: '' }
}

function toHeaders({ status, decisionId, warning }: Answer, length: number): string[] {
  const retryAfter = status.details?.retryAfterSeconds
  return [
    ...['content-type', 'application/json', 'content-length', `${length}`],
    ...['cache-control', 'no-cache, private'],
    ...(decisionId === '' ? [] : ['audit-id', decisionId]),
    ...(retryAfter === undefined ? [] : ['retry-after', `${retryAfter}`]),
    ...(warning === undefined ? [] : ['warning', warningHeader(warning)]),
  ]
}

/**
 * Answers an ordinary request; returns the bytes of the body. The connection ends when the caller's
 * body was not read.
 */
export function answerRequest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: Answer,
): number {
  if (outgoing.headersSent || outgoing.destroyed) {
    // Too late for a Status: a cut connection is an error for every client, a short answer is not.
    outgoing.destroy()
    return 0
  }
  const body = Buffer.from(JSON.stringify(answer.status))
  const headers = toHeaders(answer, body.length)
  if (incoming.complete) {
    outgoing.writeHead(answer.status.code, headers)
    outgoing.end(body)
    return body.length
  }
  headers.push('connection', 'close')
  outgoing.writeHead(answer.status.code, headers)
  outgoing.flushHeaders()
  outgoing.write(body)
  endAfterBody(incoming, outgoing)
  return body.length
}

/** The answer to an earlier request that a connection is busy with. Node has no public name for it. */
export function openAnswer(socket: Duplex): ServerResponse<IncomingMessage> | undefined {
  const { _httpMessage } = socket as { _httpMessage?: ServerResponse<IncomingMessage> | null }
  return _httpMessage ?? undefined
}

/**
 * Answers an upgrade; returns the bytes of the body. A connection that is busy with an earlier
 * answer is cut, since this one would become part of that.
 */
export function answerUpgrade(socket: Duplex, answer: Answer): number {
  if (openAnswer(socket) === undefined) return answerSocket(socket, answer)
  socket.destroy()
  return 0
}

/**
 * Answers on a bare connection, which carries nothing else afterwards; returns the bytes of the
 * body.
 */
export function answerSocket(socket: Duplex, answer: Answer): number {
  if (socket.destroyed || !socket.writable) {
    socket.destroy()
    return 0
  }
  const body = JSON.stringify(answer.status)
  const length = Buffer.byteLength(body)
  const headers = [...toHeaders(answer, length), 'connection', 'close']
  socket.end(`${printHead(answer.status.code, headers)}${body}`)
  linger(socket)
  return length
}

/** Head of an HTTP/1.1 answer; `headers` are names and values in turn, checked by their makers. */
export function printHead(httpStatus: number, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus] ?? ''}`]
  for (let index = 0; index < headers.length; index += 2) {
    lines.push(`${headers[index]}: ${headers[index + 1]}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}
