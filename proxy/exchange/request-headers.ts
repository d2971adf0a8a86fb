import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import { findHeaderRule, namedByConnection } from '../judgement/header-rules.ts'

export interface OwnHeaders {
  /** What says to the API server who asks: names and values in turn. */
  readonly credentials: readonly string[]
  readonly decisionId: string
  readonly userAgent: string
}

/**
 * Names and values in turn, as they go to the API server: what the sidecar says itself, and of the
 * caller's headers all that `HEADER_RULES` pass, each as it came. What the caller's Connection names
 * belongs to its connection; `checkHeaders` has refused it for headers that the API server reads.
 */
export function upstreamHeaders(rawHeaders: readonly string[], own: OwnHeaders): string[] {
  const headers = [...own.credentials, 'audit-id', own.decisionId]
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

/** The same for a request that may be sent, with the credential of its caller. */
export function permittedHeaders(
  { credentials }: Pick<ProxyDeps, 'credentials'>,
  { request, decisionId }: Pick<Permit, 'request' | 'decisionId'>,
  incoming: Pick<CallerRequest, 'rawHeaders'>,
): string[] {
  return upstreamHeaders(incoming.rawHeaders, {
    credentials: credentials.headersFor(request.caller),
    decisionId,
    userAgent: request.userAgent,
  })
}

/** Headers of which only one counts, so that of two alike one is sent. */
const SINGLE: ReadonlySet<string> = new Set(['content-encoding', 'content-type'])

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
export function upgradeHeaders(
  incoming: Pick<CallerRequest, 'headerList'>,
  protocol: string,
): string[] {
  const headers = ['connection', 'Upgrade', 'upgrade', protocol]
  const handshake = {
    'sec-websocket-key': incoming.headerList('sec-websocket-key'),
    'sec-websocket-version': incoming.headerList('sec-websocket-version'),
    'sec-websocket-protocol': withoutBearerProtocols(incoming.headerList('sec-websocket-protocol')),
  }
  for (const [name, value] of Object.entries(handshake)) {
    if (value !== undefined) headers.push(name, value)
  }
  // SPDY clients send one header for each version that they speak.
  const versions = incoming.headerList('x-stream-protocol-version')
  if (versions !== undefined && STREAM_PROTOCOL.test(versions)) {
    for (const version of versions.split(',')) {
      headers.push('x-stream-protocol-version', version.trim())
    }
  }
  return headers
}
