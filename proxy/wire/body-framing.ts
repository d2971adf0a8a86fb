import { MalformedMessage } from './malformed-message.ts'

/** How the end of a body is known. Source: RFC 9112, section 6. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** As long as the connection: answers only. */
  | { readonly kind: 'until close' }

const NONE: Framing = { kind: 'none' }
const CHUNKED: Framing = { kind: 'chunked' }
const UNTIL_CLOSE: Framing = { kind: 'until close' }

const CONTENT_LENGTH = 'content-length'
const TRANSFER_ENCODING = 'transfer-encoding'
/** Every number of so many digits is exact. */
const PLAIN_NUMBER = /^\d{1,15}$/

/** `1.0` is the one version in which a transfer encoding means nothing to some. */
export type HttpVersion = '1.0' | '1.1'

/**
 * How the body of a request is framed. `headers` are names and values in turn. Throws
 * `MalformedMessage` where two readers could see two bodies: Content-Length twice, even when both are
 * equal, or not digits only; any transfer encoding but one `chunked`; both; a transfer encoding in
 * HTTP/1.0.
 *
 * Source: RFC 9112, sections 6.1 to 6.3, of which this takes the strict side.
 */
export function requestFraming(headers: readonly string[], version: HttpVersion = '1.1'): Framing {
  return declaredFraming(headers, version) ?? NONE
}

/**
 * The same for the answer to a request of `method`. An answer that has no body by its status or by the
 * method is still malformed when its head frames one in two ways.
 */
export function responseFraming(
  method: string,
  httpStatus: number,
  headers: readonly string[],
  version: HttpVersion = '1.1',
): Framing {
  const declared = declaredFraming(headers, version)
  const isBodiless =
    method === 'HEAD' || httpStatus < 200 || httpStatus === 204 || httpStatus === 304
  if (isBodiless) return NONE
  return declared ?? UNTIL_CLOSE
}

function declaredFraming(headers: readonly string[], version: HttpVersion): Framing | undefined {
  let framing: Framing | undefined
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    // Of all names only those with this many characters can be one of the two.
    const isLength = name.length === CONTENT_LENGTH.length && name.toLowerCase() === CONTENT_LENGTH
    const isEncoding =
      name.length === TRANSFER_ENCODING.length && name.toLowerCase() === TRANSFER_ENCODING
    if (!isLength && !isEncoding) continue
    if (framing !== undefined) throw new MalformedMessage('the body is framed in two ways')
    const value = headers[index + 1] ?? ''
    framing = isLength ? toLength(value) : toChunked(value, version)
  }
  return framing
}

function toLength(value: string): Framing {
  if (!PLAIN_NUMBER.test(value)) {
    throw new MalformedMessage('the content length is not a plain number')
  }
  return { kind: 'length', bytes: Number(value) }
}

function toChunked(value: string, version: HttpVersion): Framing {
  if (value.toLowerCase() === 'chunked' && version === '1.1') return CHUNKED
  throw new MalformedMessage('the transfer encoding is not chunked alone')
}
