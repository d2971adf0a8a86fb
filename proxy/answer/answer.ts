import type { Fault } from '../../core/fault.ts'
import { faultStatus, type Status } from '../../core/kubernetes/status.ts'
import type { CallerAnswer } from '../caller/caller-answer.ts'
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
    ...['cache-control', 'no-cache, private', 'date', new Date().toUTCString()],
    ...(decisionId === '' ? [] : ['audit-id', decisionId]),
    ...(retryAfter === undefined ? [] : ['retry-after', `${retryAfter}`]),
    ...(warning === undefined ? [] : ['warning', warningHeader(warning)]),
  ]
}

/**
 * Answers a request with a `Status`; returns the bytes of the body. An answer that has begun is cut:
 * a cut connection is an error for every client, a short answer is not. The connection ends when the
 * caller's body was not read.
 */
export function answerCaller(answer: CallerAnswer, own: Answer): number {
  if (answer.isOver) return 0
  if (answer.begun) {
    answer.destroy()
    return 0
  }
  const body = Buffer.from(JSON.stringify(own.status))
  answer.begin(own.status.code, toHeaders(own, body.length))
  answer.write(body)
  answer.end()
  return body.length
}
