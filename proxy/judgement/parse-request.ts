import type { ApprovalUse } from '../../core/authorization/question.ts'
import type { PodTemplateBody } from '../../core/commands/container-command.ts'
import { Fault } from '../../core/fault.ts'
import { type Impersonation, parseImpersonation } from '../../core/kubernetes/impersonation.ts'
import { parseRequestInfo, type RequestInfo } from '../../core/kubernetes/request-info.ts'
import { sanitizeUserAgent } from '../../core/kubernetes/user-agent.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { Caller } from './caller.ts'
import { checkHeaders } from './check-headers.ts'
import type { JudgedBody } from './judged-body.ts'
import { parseUpgrade } from './parse-upgrade.ts'

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
  /** What the pods would run that the request makes; absent of a request that makes none. */
  readonly template?: PodTemplateBody
  /** The approval under which it is sent; absent where none is needed, or known. */
  readonly approval?: ApprovalUse
}

/**
 * Reads a request from its head; only an upgrade that kube-apiserver would take up may become a tunnel.
 * Throws `request_invalid` or `request_too_large`.
 */
export function parseRequest(
  incoming: CallerRequest,
  caller: Caller,
  bodyBytesMax: number,
): ParsedRequest {
  checkHeaders(incoming.rawHeaders)
  const { method, target } = incoming
  const info = parseRequestInfo(method, target, incoming.header('content-type'))
  if (method === 'CONNECT') {
    throw new Fault('request_invalid', 'The method CONNECT is not one of the Kubernetes API')
  }
  return {
    caller,
    method,
    info,
    impersonation: parseImpersonation(incoming.rawHeaders),
    userAgent: sanitizeUserAgent(incoming.header('user-agent')),
    protocol: parseUpgrade(incoming, info),
    hasBody: parseHasBody(incoming, bodyBytesMax),
    expectsContinue: parseExpect(incoming.header('expect')),
  }
}

function parseHasBody(incoming: CallerRequest, bytesMax: number): boolean {
  // What frames a body has one meaning: the reader of the head saw to that.
  if (incoming.header('transfer-encoding') !== undefined) return true
  const length = Number(incoming.header('content-length') ?? 0)
  if (!Number.isSafeInteger(length) || length > bytesMax) {
    throw new Fault('request_too_large', `A request body may have at most ${bytesMax} bytes`)
  }
  return length > 0
}

function parseExpect(expect: string | undefined): boolean {
  if (expect === undefined) return false
  if (expect.toLowerCase() === '100-continue') return true
  throw new Fault('request_invalid', 'The only expectation that can be met is 100-continue')
}
