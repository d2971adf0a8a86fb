/** What a reader of HTTP/1.1 found, in a few words that a log may hold. */
export type MalformedReason =
  | 'a header line has no colon'
  | 'a header line is folded'
  | 'a header name holds a character that is none of a token'
  | 'a header value holds a control character'
  | 'a line does not end with CRLF'
  | 'an upgrade that was not asked for'
  | 'the body is framed in two ways'
  | 'the chunk size is not a plain number'
  | 'the chunk does not end with CRLF'
  | 'the chunk extension is not plain'
  | 'the content length is not a plain number'
  | 'the head is too long'
  | 'the request line is not plain'
  | 'the status line is not plain'
  | 'the transfer encoding is not chunked alone'
  | 'the trailers frame a body'

/** Bytes that are not plain HTTP/1.1: two readers could understand them in two ways, or none at all. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
  readonly reason: MalformedReason

  constructor(reason: MalformedReason) {
    super(`Malformed HTTP message: ${reason}`)
    this.reason = reason
  }
}
