import { request } from 'node:https'
import { VERSION } from '../../platform/version.ts'
import type { WebhookTarget } from './webhook-target.ts'

/** Longest wait for an answer; a receiver answers first and works then. */
const ANSWER_MS_MAX = 10_000

/** What came of one try. */
export type SendResult =
  | { readonly result: 'taken' }
  /** May work another time; `retryAfterMs` when the receiver said when. */
  | { readonly result: 'failed'; readonly why: string; readonly retryAfterMs?: number }
  /** Will not work another time. */
  | { readonly result: 'refused'; readonly why: string }

/** Sends one message; never throws. */
export type SendWebhook = (
  target: WebhookTarget,
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<SendResult>

const RETRY_AFTER_SECONDS_MAX = 3_600

/**
 * POSTs to a receiver. A redirect is a failure, since it leads where nobody configured. The result holds neither
 * the address nor the answer, since both may hold secrets.
 */
export const sendWebhook: SendWebhook = (target, headers, body) =>
  new Promise((resolve) => {
    const outgoing = request(
      target.url,
      {
        method: 'POST',
        agent: false,
        ...(target.caCertificate === undefined ? {} : { ca: target.caCertificate }),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': `lanyard/${VERSION}`,
          ...headers,
        },
      },
      (incoming) => {
        // The status is all that counts, and what follows is not read.
        resolve(toResult(incoming.statusCode ?? 0, incoming.headers['retry-after']))
        incoming.destroy()
      },
    )
    outgoing.once('error', (error) => resolve({ result: 'failed', why: reasonOf(error) }))
    outgoing.end(body)
  })

function toResult(status: number, retryAfter: string | undefined): SendResult {
  if (status >= 200 && status < 300) return { result: 'taken' }
  const why = `the receiver answered HTTP ${status}`
  // By the specification 410 says that nothing is to be sent any more.
  if (status === 410) return { result: 'refused', why }
  const seconds = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined
  return seconds === undefined
    ? { result: 'failed', why }
    : { result: 'failed', why, retryAfterMs: Math.min(seconds, RETRY_AFTER_SECONDS_MAX) * 1_000 }
}

function reasonOf(error: Error & { readonly code?: unknown }): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    return `no answer in ${ANSWER_MS_MAX / 1_000} s`
  }
  return typeof error.code === 'string' ? `no connection (${error.code})` : 'no connection'
}
