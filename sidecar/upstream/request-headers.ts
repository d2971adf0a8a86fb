import type { IncomingHttpHeaders } from 'node:http'

/**
 * What a caller may tell the API server. Everything else stays here: credentials, Impersonate-*,
 * X-Remote-*, X-Forwarded-*, cookies, and whatever Connection names. The list is of names to copy,
 * so a caller's Connection header cannot take away what the sidecar sets itself.
 */
const COPIED = [
  'accept',
  'accept-encoding',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-unmodified-since',
] as const

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

/** Names and values in turn, as they go to the API server; Host is the connection's own. */
export function upstreamHeaders(incoming: IncomingHttpHeaders, own: SidecarHeaders): string[] {
  const headers = ['authorization', `Bearer ${own.token}`, 'audit-id', own.decisionId]
  if (own.userAgent !== '') headers.push('user-agent', own.userAgent)
  for (const name of COPIED) {
    const value = incoming[name]
    if (typeof value === 'string') headers.push(name, value)
  }
  return headers
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
    // kube-apiserver refuses a watch over WebSocket without one ("null origin" of x/net/websocket).
    origin: incoming.origin,
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
