import { Fault } from '../fault.ts'

/**
 * Longest request target: an exec's command is in it. Go takes 1 MiB of head, and Linux commands of
 * 128 KiB and more, which a query writes three times as long.
 */
export const TARGET_BYTES_MAX = 1024 * 1024
/** Longest path in it, which goes on record. */
export const PATH_BYTES_MAX = 2 * 1024

/** Most pairs of a query. Go's own limit: urlmaxqueryparams in net/url. */
export const QUERY_PAIRS_MAX = 10_000

export type QueryPair = readonly [key: string, value: string]

/** A request target in parts. */
export interface RequestTarget {
  /** Path segments that are judged, each decoded once. */
  readonly segments: readonly string[]
  /**
   * What follows them, as it came and as it is sent: empty, slashes at the end, or the path of what
   * is proxied.
   */
  readonly rest: string
  readonly query: readonly QueryPair[]
  /** The query of what is proxied, as it came and as it is sent; `query` is empty then. */
  readonly proxiedQuery?: string
}

/** How many of a path's segments, as they came, name what is judged. */
export type CountJudged = (segments: readonly string[]) => number
/** Whether the judged segments lead to what has a query of its own. */
export type IsProxied = (segments: readonly string[]) => boolean

const SEGMENT_PATTERN = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*$/
const REST_PATTERN = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]{}|"<>^`]|%[0-9A-Fa-f]{2})*$/
const QUERY_PATTERN = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]{}|"<>^`\\]|%[0-9A-Fa-f]{2})*$/
const ENCODED_UNRESERVED = /%(?:2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])/g
/** Who is asked, as clients write it for proxies (RFC 9112 section 3.2.2); Go does not look at it. */
const ABSOLUTE_FORM = /^https?:\/\/[A-Za-z0-9.\-_:[\]]+(?=\/)/i
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/

/**
 * Splits a raw request target (the bytes of the request line, never `new URL()`, which rewrites
 * paths). `countJudged` says where the judged part of the path ends; all of it is when there is none.
 * Whatever two parsers could read in two ways is refused: throws `request_invalid`.
 */
export function parseRequestTarget(
  received: string,
  countJudged: CountJudged = ({ length }) => length,
  isProxied: IsProxied = () => false,
): RequestTarget {
  const raw = received.replace(ABSOLUTE_FORM, '')
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
  const parts = parsePath(path, countJudged)
  const query = questionMark < 0 ? '' : raw.slice(questionMark + 1)
  if (!isProxied(parts.segments)) return { ...parts, query: parseQuery(query) }
  if (!QUERY_PATTERN.test(query)) {
    throw new Fault('request_invalid', 'The query holds a character that must be encoded')
  }
  return { ...parts, query: [], proxiedQuery: query }
}

function parsePath(
  path: string,
  countJudged: CountJudged,
): Pick<RequestTarget, 'segments' | 'rest'> {
  if (path === '/') return { segments: [], rest: '' }
  const [slashes = ''] = /\/*$/.exec(path) ?? []
  const parts = path.slice(1, path.length - slashes.length).split('/')
  const judged = countJudged(parts.map(decodeUnreserved))
  const unjudged = parts.slice(judged)
  const rest = `${unjudged.map((part) => `/${part}`).join('')}${slashes}`
  checkRest(rest)
  return { segments: parts.slice(0, judged).map(parseSegment), rest }
}

/** Characters that mean the same encoded or not (RFC 3986 section 2.3) are sent as themselves. */
function decodeUnreserved(text: string): string {
  return text.replaceAll(ENCODED_UNRESERVED, decodeURIComponent)
}

function parseSegment(raw: string): string {
  if (!SEGMENT_PATTERN.test(raw)) {
    throw new Fault('request_invalid', 'The path holds a character that must be percent-encoded')
  }
  const segment = decode(raw, 'The path is not valid UTF-8')
  if (segment === '') throw new Fault('request_invalid', 'The path has an empty segment ("//")')
  if (isDots(segment)) throw dots()
  if (segment.includes('/') || segment.includes('\\') || segment.includes('%')) {
    throw new Fault('request_invalid', 'A path segment holds an encoded "/", "\\" or "%"')
  }
  if (CONTROL.test(segment)) {
    throw new Fault('request_invalid', 'A path segment holds a control character')
  }
  return segment
}

/** How often a path may be decoded on its way before "%2e%2e" is taken for what it stands for. */
const DECODED_MAX = 4

/**
 * The path of what is proxied is its own, but for what could lead out of it: ".." by whoever resolves
 * it, however often it is encoded.
 */
function checkRest(rest: string): void {
  if (!REST_PATTERN.test(rest)) {
    throw new Fault('request_invalid', 'The path holds a character that must be percent-encoded')
  }
  let text = rest
  for (let times = 0; times < DECODED_MAX; times += 1) {
    if (text.split(/[/\\]/).some(isDots)) throw dots()
    if (CONTROL.test(text)) {
      throw new Fault('request_invalid', 'The path holds a control character')
    }
    const decoded = decodeLeniently(text)
    if (decoded === text) return
    text = decoded
  }
  throw new Fault('request_invalid', 'The path is percent-encoded too many times over')
}

/** `..;x` is a parent segment to servers that take parameters of a segment off first. */
function isDots(segment: string): boolean {
  return /^\.{1,2}(?:;.*)?$/s.test(segment)
}

function dots(): Fault {
  return new Fault('request_invalid', 'The path has a "." or ".." segment')
}

/** The path, decoded once as Go does; bytes that are not UTF-8 become U+FFFD. */
export function decodedPath({ segments, rest }: RequestTarget): string {
  const judged = segments.length === 0 ? '' : `/${segments.join('/')}`
  return `${judged}${decodeLeniently(rest)}` || '/'
}

function decodeLeniently(text: string): string {
  const bytes = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return bytes === text ? text : Buffer.from(bytes, 'latin1').toString('utf8')
}

/**
 * Reads a query as Go's net/url does, any name and the empty one included, and refuses what Go would
 * silently drop or other parsers read differently: `;`, bad escapes, bytes that are not UTF-8.
 */
function parseQuery(raw: string): QueryPair[] {
  if (raw === '') return []
  if (raw.includes(';') || !QUERY_PATTERN.test(raw)) {
    throw new Fault('request_invalid', 'The query holds a ";" or a character that must be encoded')
  }
  const parts = raw.split('&')
  if (parts.length > QUERY_PAIRS_MAX) {
    throw new Fault('request_invalid', `The query has more than ${QUERY_PAIRS_MAX} parameters`)
  }
  const pairs: QueryPair[] = []
  for (const part of parts) {
    // Go skips empty pairs, and so does every client's parser.
    if (part === '') continue
    const equals = part.indexOf('=')
    const key = decodeQuery(equals < 0 ? part : part.slice(0, equals))
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
  const judged = target.segments.map((segment) => `/${encodeSegment(segment)}`).join('')
  const path = `${judged}${target.rest}` || '/'
  if (target.proxiedQuery !== undefined && target.proxiedQuery !== '') {
    return `${path}?${target.proxiedQuery}`
  }
  const query = target.query
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .join('&')
  return query === '' ? path : `${path}?${query}`
}

/** A colon is left as it is: names of RBAC objects hold it, and API clients send it so. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%3A', ':').replaceAll('%40', '@')
}
