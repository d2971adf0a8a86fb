import type { HttpVersion } from './body-framing.ts'
import { parseHeaderLines } from './header-lines.ts'
import { MalformedMessage } from './malformed-message.ts'

/** Start of an answer, as it came. */
export interface ResponseHead {
  readonly version: HttpVersion
  /** 100 to 999. */
  readonly httpStatus: number
  readonly reason: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
}

/** The space before the reason may be missing, as llhttp and Go have it. Source: RFC 9112, section 4. */
const STATUS_LINE = /HTTP\/(1\.[01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/y

/** Reads the text of a head as `HeadBytes` gives it. Throws `MalformedMessage`. */
export function parseResponseHead(text: string): ResponseHead {
  STATUS_LINE.lastIndex = 0
  const line = STATUS_LINE.exec(text)
  if (line === null) throw new MalformedMessage('the status line is not plain')
  return {
    version: line[1] === '1.0' ? '1.0' : '1.1',
    httpStatus: Number(line[2]),
    reason: line[3] ?? '',
    headers: parseHeaderLines(text, line[0].length),
  }
}
