import type { IncomingMessage } from 'node:http'
import { Fault } from '../../core/fault.ts'

const BODY_BYTES_MAX = 16 * 1_024

/** The body of a small request as text. Throws `request_too_large`, and `request_invalid` for what is no UTF-8. */
export async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Fault('request_too_large', 'The body is too long')
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (error) {
    throw new Fault('request_invalid', 'The body is no UTF-8', { cause: error })
  }
}
