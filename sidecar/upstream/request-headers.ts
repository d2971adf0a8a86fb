import type { IncomingHttpHeaders } from 'node:http'
import { findHeaderRule } from './header-rules.ts'

export const USER_AGENT_CHARACTERS_MAX = 256

/** Printable ASCII of a User-Agent, at most 256 characters; it enters records and log lines. */
export function sanitizeUserAgent(value: string | undefined): string {
  return (value ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, USER_AGENT_CHARACTERS_MAX)
}

export interface SidecarHeaders {
  /** The pod's real token. */
  readonly token: string
  readonly decisionId: string
  readonly userAgent: string
}

/**
 * Names and values in turn, as they go to the API server: what the sidecar says itself, and of the
 * caller's headers all that `HEADER_RULES` pass, each as it came. What the caller's Connection names
 * belongs to its connection; `checkHeaders` has refused it for headers that the API server reads.
 */
export function upstreamHeaders(rawHeaders: readonly string[], own: SidecarHeaders): string[] {
  const headers = ['authorization', `Bearer ${own.token}`, 'audit-id', own.decisionId]
  if (own.userAgent !== '') headers.push('user-agent', own.userAgent)
  const named = namedByConnection(rawHeaders)
  const once = new Set<string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const use = findHeaderRule(name)?.use ?? 'passed'
    if ((use !== 'passed' && use !== 'judged') || (named.has(name) && use !== 'judged')) continue
    if (SINGLE.has(name)) {
      if (once.has(name)) continue
      once.add(name)
    }
    headers.push(name, rawHeaders[index + 1] ?? '')
  }
  return headers
}

/** Headers of which only one counts, so that of two alike one is sent. */
const SINGLE: ReadonlySet<string> = new Set(['content-encoding', 'content-type'])

/** The header names that a caller's Connection headers hold, in lower case. */
export function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'connection') continue
    for (const name of (rawHeaders[index + 1] ?? '').split(','))
      names.add(name.trim().toLowerCase())
  }
  return names
}

/** A credential dressed as a WebSocket subprotocol. Source: Kubernetes bearertoken/websocket. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.'

/** Subprotocols without credentials; undefined when none is left. */
export function withoutBearerProtocols(protocols: string | undefined): string | undefined {
  const kept = (protocols ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '' && !protocol.toLowerCase().startsWith(BEARER_PROTOCOL))
  return kept.length === 0 ? undefined : kept.join(', ')
}

const STREAM_PROTOCOL = /^[\w.+-]+(?:,\s*[\w.+-]+)*$/

/**
 * What a tunnel needs besides: the handshake of WebSocket or SPDY. Extensions are not offered, so
 * that frames stay readable for whoever records them.
 */
export function upgradeHeaders(incoming: IncomingHttpHeaders, protocol: string): string[] {
  const headers = ['connection', 'Upgrade', 'upgrade', protocol]
  const handshake = {
    'sec-websocket-key': incoming['sec-websocket-key'],
    'sec-websocket-version': incoming['sec-websocket-version'],
    'sec-websocket-protocol': withoutBearerProtocols(incoming['sec-websocket-protocol']),
  }
  for (const [name, value] of Object.entries(handshake)) {
    if (value !== undefined) headers.push(name, value)
  }
  // SPDY clients send one header for each version that they speak; Node joins them.
  const versions = incoming['x-stream-protocol-version']
  if (typeof versions === 'string' && STREAM_PROTOCOL.test(versions)) {
    for (const version of versions.split(',')) {
      headers.push('x-stream-protocol-version', version.trim())
    }
  }
  return headers
}
