import type { IncomingMessage } from 'node:http'
import { Fault } from '../../core/fault.ts'
import { type Impersonation, parseImpersonation } from '../../core/kubernetes/impersonation.ts'
import { parseRequestInfo, type RequestInfo } from '../../core/kubernetes/request-info.ts'
import { sanitizeUserAgent } from '../../core/kubernetes/user-agent.ts'
import type { Caller } from './caller.ts'
import { checkHeaders } from './check-headers.ts'
import type { JudgedBody } from './judged-body.ts'
import { parseUpgrade } from './parse-upgrade.ts'

/**
 * By which event of the server a request came; only an upgrade may become a tunnel, and only on a
 * connection that is not busy with the answer to an earlier request.
 */
export type Front = 'request' | 'upgrade' | 'early upgrade'

/** A request that can be judged: one meaning, within limits, from a known caller. */
export interface ParsedRequest {
  readonly caller: Caller
  readonly method: string
  readonly info: RequestInfo
  /** As whom the request is to be made; undefined when as the pod itself. */
  readonly impersonation: Impersonation | undefined
  readonly userAgent: string
  /** Protocol that an upgrade asks for, as it must come back; empty for an ordinary request. */
  readonly protocol: string
  readonly hasBody: boolean
  /** The caller waits for 100 Continue before it sends its body. */
  readonly expectsContinue: boolean
  /** Read already, where its meaning hangs on it. */
  readonly body?: JudgedBody
}

/**
 * Reads a request from the bytes of its head; `target` is the request line's, untouched. Throws
 * `request_invalid` or `request_too_large`.
 */
export function parseRequest(
  incoming: IncomingMessage,
  target: string,
  caller: Caller,
  front: Front,
  bodyBytesMax: number,
): ParsedRequest {
  checkHeaders(incoming.rawHeaders)
  const method = incoming.method ?? ''
  const { headers } = incoming
  const info = parseRequestInfo(method, target, headers['content-type'])
  return {
    caller,
    method,
    info,
    impersonation: parseImpersonation(incoming.rawHeaders),
    userAgent: sanitizeUserAgent(headers['user-agent']),
    protocol: parseProtocol(incoming, info, front),
    hasBody: parseHasBody(incoming, front, bodyBytesMax),
    expectsContinue: parseExpect(headers.expect),
  }
}

function parseProtocol(incoming: IncomingMessage, info: RequestInfo, front: Front): string {
  if (front === 'request') return ''
  if (front === 'early upgrade') {
    throw new Fault(
      'request_invalid',
      'An upgrade must not be sent before the answer to the request before it has ended',
    )
  }
  const protocol = parseUpgrade(incoming, info)
  if (protocol !== '') return protocol
  throw new Fault('request_invalid', 'The method CONNECT is not one of the Kubernetes API')
}

function parseHasBody(incoming: IncomingMessage, front: Front, bytesMax: number): boolean {
  const { headers } = incoming
  const chunked = headers['transfer-encoding'] !== undefined
  if (chunked && headers['transfer-encoding']?.toLowerCase() !== 'chunked') {
    throw new Fault('request_invalid', 'The only transfer encoding of a request is chunked')
  }
  const length = Number(headers['content-length'] ?? 0)
  if (!Number.isSafeInteger(length) || length > bytesMax) {
    throw new Fault('request_too_large', `A request body may have at most ${bytesMax} bytes`)
  }
  const hasBody = chunked || length > 0
  if (hasBody && front !== 'request') {
    throw new Fault('request_invalid', 'A request for an upgrade must not have a body')
  }
  return hasBody
}

function parseExpect(expect: string | undefined): boolean {
  if (expect === undefined) return false
  if (expect.toLowerCase() === '100-continue') return true
  throw new Fault('request_invalid', 'The only expectation that can be met is 100-continue')
}
