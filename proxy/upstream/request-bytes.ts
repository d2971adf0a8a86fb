import { assert } from '../../core/assert.ts'
import { type Framing, requestFraming } from '../wire/body-framing.ts'
import type { UpstreamRequest } from './upstream-exchange.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/
const NO_TARGET = /[^\x21-\x7e\x80-\xff]|^$/
/** Their servers may wait for a body that is not announced. Source: RFC 9110, section 8.6. */
const EXPECTS_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** The head of a request as Latin-1, its blank line included, and how the body is framed by it. */
export interface RequestHeadText {
  readonly text: string
  readonly framing: Framing
}

/**
 * Throws `MalformedMessage` for headers that frame a body in two ways, and an assertion for a part that
 * would end its line early or for another length than the body has: whoever makes one has let through
 * what was not checked.
 */
export function printRequestHead(request: UpstreamRequest, host: string): RequestHeadText {
  checkSendable(request)
  const { method, path, headers } = request
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`
  for (let index = 0; index < headers.length; index += 2) {
    text += `${headers[index]}: ${headers[index + 1]}\r\n`
  }
  const declared = requestFraming(headers)
  if (declared.kind !== 'none') {
    assert(mayBe(declared, request.body), 'a body has the length that its head says')
    return { text: `${text}\r\n`, framing: declared }
  }
  const framing = framingOf(request)
  return { text: `${text}${framingLine(framing)}\r\n`, framing }
}

/** Throws an assertion for a method, target or header that would be more than one. */
export function checkSendable({
  method,
  path,
  headers,
}: Pick<UpstreamRequest, 'method' | 'path' | 'headers'>): void {
  assert(TOKEN.test(method) && !NO_TARGET.test(path), 'a request line holds one method and target')
  for (let index = 0; index < headers.length; index += 2) {
    const isOne = TOKEN.test(headers[index] ?? '') && !UNSENDABLE.test(headers[index + 1] ?? '')
    assert(isOne, 'a header line holds one name and value')
  }
}

function mayBe(declared: Framing, body: UpstreamRequest['body']): boolean {
  if (declared.kind !== 'length' || body === 'stream') return declared.kind === 'length'
  return declared.bytes === (body?.length ?? 0)
}

function framingOf({ method, body }: UpstreamRequest): Framing {
  if (body === 'stream') return { kind: 'chunked' }
  if (body !== null) return { kind: 'length', bytes: body.length }
  return EXPECTS_BODY.has(method) ? { kind: 'length', bytes: 0 } : { kind: 'none' }
}

function framingLine(framing: Framing): string {
  if (framing.kind === 'chunked') return 'transfer-encoding: chunked\r\n'
  return framing.kind === 'length' ? `content-length: ${framing.bytes}\r\n` : ''
}
