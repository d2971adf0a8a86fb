import type { IncomingMessage } from 'node:http'
import { Fault } from '../../core/fault.ts'
import { readBody } from './read-body.ts'

const REASON_MAX = 512

/** The `reason` of a JSON body; empty without one. Throws `request_invalid` and `request_too_large`. */
export async function readReason(incoming: IncomingMessage): Promise<string> {
  const text = await readBody(incoming)
  if (text.trim() === '') return ''
  const reason = parseReason(text)
  if (reason.length > REASON_MAX) {
    throw new Fault('request_invalid', `A reason has at most ${REASON_MAX} characters`)
  }
  return reason
}

function parseReason(text: string): string {
  try {
    const body: unknown = JSON.parse(text)
    const reason = (body as { readonly reason?: unknown } | null)?.reason ?? ''
    if (typeof reason === 'string') return reason
  } catch (error) {
    throw new Fault('request_invalid', 'The body is no JSON', { cause: error })
  }
  throw new Fault('request_invalid', 'The reason must be a text')
}
