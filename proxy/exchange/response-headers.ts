import type { IncomingMessage } from 'node:http'
import { warningHeader } from '../answer/warning-header.ts'
import { headerValues, withoutHeaders } from '../wire/header-pairs.ts'

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

/**
 * Names, in lower case, and values in turn, for the caller: what the API server sent, without what is
 * taken away. `upstream` has names and values in turn.
 */
export function callerHeaders(upstream: readonly string[], warning: string): string[] {
  const named = namedByConnection(upstream)
  const headers: string[] = []
  for (let index = 0; index < upstream.length; index += 2) {
    const name = (upstream[index] ?? '').toLowerCase()
    if (Object.hasOwn(TAKEN_AWAY, name) || named?.has(name)) continue
    headers.push(name, upstream[index + 1] ?? '')
  }
  if (warning !== '') headers.push('warning', warningHeader(warning))
  return headers
}

/** The same for a 101 answer, which upgrades the caller's connection too. A 101 has no body to measure. */
export function tunnelHeaders(
  upstream: readonly string[],
  protocol: string,
  warning: string,
): string[] {
  const rest = withoutHeaders(upstream, 'content-length')
  return ['connection', 'Upgrade', 'upgrade', protocol, ...callerHeaders(rest, warning)]
}

/** `Connection: close` is by far the usual case and names no header. */
function namedByConnection(headers: readonly string[]): ReadonlySet<string> | undefined {
  const lists = headerValues(headers, 'connection').filter(
    (value) => value !== 'keep-alive' && value !== 'close',
  )
  if (lists.length === 0) return undefined
  const names = lists.join(',').split(',')
  return new Set(names.map((name) => name.trim().toLowerCase()))
}

/** Whether the API server has upgraded to the protocol that was asked for, and to no extension of it. */
export function isUpgradedTo(protocol: string, { statusCode, headers }: IncomingMessage): boolean {
  return (
    statusCode === 101 &&
    headers.upgrade?.toLowerCase() === protocol.toLowerCase() &&
    headers['sec-websocket-extensions'] === undefined
  )
}
