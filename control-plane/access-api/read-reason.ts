import type { IncomingMessage } from 'node:http'
import { Fault } from '../../core/fault.ts'

const BODY_BYTES_MAX = 16 * 1_024
const REASON_MAX = 512

/** The `reason` of a JSON body; empty without one. Throws `request_invalid` and `request_too_large`. */
export async function readReason(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Fault('request_too_large', 'The body is too long')
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString()
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
