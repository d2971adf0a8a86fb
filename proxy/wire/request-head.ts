import { parseHeaderLines } from './header-lines.ts'
import { MalformedMessage } from './malformed-message.ts'

/** The first lines of a request, as they came; nothing in it has been judged. */
export interface RequestHead {
  readonly method: string
  /** The request line's, untouched. */
  readonly target: string
  readonly httpVersion: '1.0' | '1.1'
  /** Names and values in turn; each byte is one character. */
  readonly rawHeaders: readonly string[]
}

/**
 * A method is a token; a target has no white space and no control character, and is read by whoever
 * judges it. Sources: RFC 9112 section 3, RFC 9110 section 5.6.2.
 */
const REQUEST_LINE = /^([\w!#$%&'*+.^`|~-]+) ([\x21-\x7e\x80-\xff]+) HTTP\/(1\.[01])$/

/** Reads a head as `HeadBytes` gives it: each line with its CRLF. Throws `MalformedMessage`. */
export function parseRequestHead(text: string): RequestHead {
  const lineEnd = text.indexOf('\r\n')
  const [, method, target, httpVersion] = REQUEST_LINE.exec(text.slice(0, lineEnd)) ?? []
  if (method === undefined || target === undefined) {
    throw new MalformedMessage('the request line is not plain')
  }
  return {
    method,
    target,
    httpVersion: httpVersion === '1.0' ? '1.0' : '1.1',
    rawHeaders: parseHeaderLines(text, lineEnd + 2),
  }
}
