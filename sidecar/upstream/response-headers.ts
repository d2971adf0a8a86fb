/**
 * Headers of one connection, and those with which an answer could change the caller's state.
 * Sources: RFC 9110 section 7.6.1, and the names that came before it.
 */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
])

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Names and values in turn, for the caller: what the API server sent, without what is dropped. */
export function callerHeaders(upstream: Headers, warning: string): string[] {
  const named = namedByConnection(upstream['connection'])
  const headers: string[] = []
  for (const name in upstream) {
    if (DROPPED.has(name) || named?.has(name)) continue
    const value = upstream[name]
    if (typeof value === 'string') headers.push(name, value)
    else for (const one of value ?? []) headers.push(name, one)
  }
  if (warning !== '') headers.push('warning', warningHeader(warning))
  return headers
}

const HANDSHAKE = [
  'audit-id',
  'date',
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'x-stream-protocol-version',
] as const

/** The same for a 101 answer: only what the handshake needs. */
export function tunnelHeaders(upstream: Headers, protocol: string, warning: string): string[] {
  const headers = ['connection', 'Upgrade', 'upgrade', protocol]
  for (const name of HANDSHAKE) {
    const value = upstream[name]
    if (typeof value === 'string') headers.push(name, value)
  }
  if (warning !== '') headers.push('warning', warningHeader(warning))
  return headers
}

/** `Connection: close` is by far the usual case and names no header. */
function namedByConnection(value: Headers[string]): ReadonlySet<string> | undefined {
  const text = typeof value === 'string' ? value : value?.join(',')
  if (text === undefined || text === 'keep-alive' || text === 'close') return undefined
  return new Set(text.split(',').map((name) => name.trim().toLowerCase()))
}

const WARNING_CHARACTERS_MAX = 1024

/** A warning as kubectl prints it: code 299, no agent, quoted text (RFC 7234 section 5.5). */
export function warningHeader(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, WARNING_CHARACTERS_MAX)
  return `299 - "${plain.replace(/["\\]/g, '\\$&')}"`
}
