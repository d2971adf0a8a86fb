import { Fault } from '../fault.ts'

/** Longest request target: an exec's command is in it. The API server's limit is 1 MiB of headers. */
export const TARGET_BYTES_MAX = 64 * 1024
/** Longest path in it, which goes on record. */
export const PATH_BYTES_MAX = 2 * 1024

export type QueryPair = readonly [key: string, value: string]

/** A request target in parts, each decoded once. */
export interface RequestTarget {
  /** Path segments, decoded. */
  readonly segments: readonly string[]
  readonly trailingSlash: boolean
  readonly query: readonly QueryPair[]
}

const PATH_PATTERN = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/
const QUERY_PATTERN = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]{}|"<>^`\\]|%[0-9A-Fa-f]{2})*$/
const ENCODED_UNRESERVED = /%(?:2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/

/**
 * Splits a raw request target (the bytes of the request line, never `new URL()`, which rewrites
 * paths). Whatever two parsers could read in two ways is refused: throws `request_invalid`.
 */
export function parseRequestTarget(raw: string): RequestTarget {
  if (raw.length > TARGET_BYTES_MAX) {
    throw new Fault(
      'request_invalid',
      `The request target is longer than ${TARGET_BYTES_MAX} bytes`,
    )
  }
  if (!raw.startsWith('/')) {
    throw new Fault('request_invalid', 'The request target must begin with one "/"')
  }
  const questionMark = raw.indexOf('?')
  const path = questionMark < 0 ? raw : raw.slice(0, questionMark)
  if (path.length > PATH_BYTES_MAX) {
    throw new Fault('request_invalid', `The path is longer than ${PATH_BYTES_MAX} bytes`)
  }
  if (!PATH_PATTERN.test(path)) {
    throw new Fault('request_invalid', 'The path holds a character that must be percent-encoded')
  }
  return {
    ...parsePath(path),
    query: questionMark < 0 ? [] : parseQuery(raw.slice(questionMark + 1)),
  }
}

function parsePath(path: string): Pick<RequestTarget, 'segments' | 'trailingSlash'> {
  if (path === '/') return { segments: [], trailingSlash: false }
  if (ENCODED_UNRESERVED.test(path)) {
    throw new Fault(
      'request_invalid',
      'The path percent-encodes a character that needs no encoding',
    )
  }
  const trailingSlash = path.endsWith('/')
  const raw = path.slice(1, trailingSlash ? -1 : undefined).split('/')
  return { segments: raw.map(parseSegment), trailingSlash }
}

function parseSegment(raw: string): string {
  const segment = decode(raw, 'The path is not valid UTF-8')
  if (segment === '') throw new Fault('request_invalid', 'The path has an empty segment ("//")')
  if (segment === '.' || segment === '..') {
    throw new Fault('request_invalid', 'The path has a "." or ".." segment')
  }
  if (segment.includes('/') || segment.includes('\\') || segment.includes('%')) {
    throw new Fault('request_invalid', 'A path segment holds an encoded "/", "\\" or "%"')
  }
  if (CONTROL.test(segment)) {
    throw new Fault('request_invalid', 'A path segment holds a control character')
  }
  return segment
}

/**
 * Reads a query as Go's net/url does, and refuses what Go would silently drop or what other
 * parsers read differently: `;`, bad escapes, a pair without a key.
 */
function parseQuery(raw: string): QueryPair[] {
  if (raw === '') return []
  if (raw.includes(';') || !QUERY_PATTERN.test(raw)) {
    throw new Fault('request_invalid', 'The query holds a ";" or a character that must be encoded')
  }
  const pairs: QueryPair[] = []
  for (const part of raw.split('&')) {
    // Go skips empty pairs, and so does every client's parser.
    if (part === '') continue
    const equals = part.indexOf('=')
    const key = decodeQuery(equals < 0 ? part : part.slice(0, equals))
    if (!/^[A-Za-z][A-Za-z0-9_.[\]-]*$/.test(key)) {
      throw new Fault('request_invalid', 'A query parameter has a name that is not a plain word')
    }
    pairs.push([key, equals < 0 ? '' : decodeQuery(part.slice(equals + 1))])
  }
  return pairs
}

function decodeQuery(text: string): string {
  return decode(text.replaceAll('+', ' '), 'The query is not valid UTF-8')
}

function decode(text: string, problem: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw new Fault('request_invalid', problem, { cause: error })
  }
}

/** Writes a target again from its parts, so that what is sent is what was judged. */
export function printRequestTarget(target: RequestTarget): string {
  const path = `/${target.segments.map(encodeSegment).join('/')}`
  const query = target.query
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .join('&')
  const slash = target.trailingSlash ? '/' : ''
  return query === '' ? `${path}${slash}` : `${path}${slash}?${query}`
}

/** A colon is left as it is: names of RBAC objects hold it, and API clients send it so. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%3A', ':').replaceAll('%40', '@')
}
