import { warningHeader } from '../answer/warning-header.ts'

/**
 * Response headers that a caller does not get, each with its reason; every other one arrives as it was
 * sent. Sources: RFC 9110 section 7.6.1, and the names that came before it.
 */
export const TAKEN_AWAY: Readonly<Record<string, string>> = {
  connection:
    'is about the connection between sidecar and API server; names headers that go with it',
  'keep-alive': 'is about that connection',
  'proxy-authenticate': 'asks the sidecar for a credential, not the caller',
  'proxy-connection': 'is about that connection',
  te: 'is about that connection',
  trailer: 'announces trailers, which are not passed on',
  'transfer-encoding': 'is about that connection; the sidecar chooses its own',
  upgrade: 'is about that connection',
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Names and values in turn, for the caller: what the API server sent, without what is taken away. */
export function callerHeaders(upstream: Headers, warning: string): string[] {
  const named = namedByConnection(upstream['connection'])
  const headers: string[] = []
  for (const name in upstream) {
    if (TAKEN_AWAY[name] !== undefined || named?.has(name)) continue
    const value = upstream[name]
    if (typeof value === 'string') headers.push(name, value)
    else for (const one of value ?? []) headers.push(name, one)
  }
  if (warning !== '') headers.push('warning', warningHeader(warning))
  return headers
}

/** The same for a 101 answer, which upgrades the caller's connection too. A 101 has no body to measure. */
export function tunnelHeaders(upstream: Headers, protocol: string, warning: string): string[] {
  const { 'content-length': _length, ...rest } = upstream
  return ['connection', 'Upgrade', 'upgrade', protocol, ...callerHeaders(rest, warning)]
}

/** `Connection: close` is by far the usual case and names no header. */
function namedByConnection(value: Headers[string]): ReadonlySet<string> | undefined {
  const text = typeof value === 'string' ? value : value?.join(',')
  if (text === undefined || text === 'keep-alive' || text === 'close') return undefined
  return new Set(text.split(',').map((name) => name.trim().toLowerCase()))
}
