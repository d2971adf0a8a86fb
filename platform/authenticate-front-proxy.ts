import type { IncomingMessage } from 'node:http'
import { type DetailedPeerCertificate, type PeerCertificate, TLSSocket } from 'node:tls'
import { Fault } from '../core/fault.ts'
import type { UserInfo } from '../core/kubernetes/user-info.ts'
import { certificateFingerprints } from './certificate-fingerprints.ts'
import type { RequestHeaderConfig } from './request-header-config.ts'

const AUTHENTICATED = 'system:authenticated'
const UNAUTHENTICATED = 'system:unauthenticated'
const ANONYMOUS = 'system:anonymous'

/**
 * The user for whom kube-apiserver forwards a request. The connection must carry a certificate of
 * the front-proxy authority with an allowed name; without it the headers mean nothing. Throws
 * `identity_unverified`, with the same text for every reason.
 *
 * Keep in step with Kubernetes apiserver/pkg/authentication/request/headerrequest (v1.34), and with
 * its group adder, which counts every such user as authenticated.
 */
export function authenticateFrontProxy(
  incoming: IncomingMessage,
  config: RequestHeaderConfig | undefined,
): UserInfo {
  if (config === undefined || !isFrontProxy(incoming, config)) throw unverified()
  const headers = headerValues(incoming)
  const username = firstValue(headers, config.usernameHeaders)
  if (username === '') throw unverified()
  const groups = config.groupHeaders.flatMap((name) => headers.get(name) ?? [])
  return {
    username,
    uid: firstValue(headers, config.uidHeaders),
    groups: withAuthenticated(username, groups),
    extra: parseExtra(headers, config.extraHeaderPrefixes),
  }
}

function unverified(): Fault {
  return new Fault('identity_unverified', 'Unauthorized')
}

/**
 * A resumed TLS session is refused: OpenSSL calls it verified although no certificate was shown.
 * The verified chain is looked at again, since the authority may have changed after the handshake.
 */
function isFrontProxy({ socket }: IncomingMessage, config: RequestHeaderConfig): boolean {
  if (!(socket instanceof TLSSocket) || !socket.authorized || socket.isSessionReused()) return false
  const peer = peerOf(socket)
  return isAllowedName(peer, config.allowedNames) && endsInAuthority(peer, config.clientCaPem)
}

/** What was shown in the handshake: it stays while the connection does, and to read it is work. */
const peers = new WeakMap<TLSSocket, DetailedPeerCertificate>()

function peerOf(socket: TLSSocket): DetailedPeerCertificate {
  const known = peers.get(socket)
  if (known !== undefined) return known
  const peer = socket.getPeerCertificate(true)
  peers.set(socket, peer)
  return peer
}

function isAllowedName(peer: PeerCertificate, allowedNames: readonly string[]): boolean {
  // Without a certificate there is no subject. Several common names arrive as a list.
  const subject: { readonly CN?: string | readonly string[] } | undefined = peer.subject
  if (subject === undefined) return false
  if (allowedNames.length === 0) return true
  return typeof subject.CN === 'string' && allowedNames.includes(subject.CN)
}

/** Longest chain that is walked; real ones have two or three certificates. */
const CERTIFICATES_MAX = 10

function endsInAuthority(peer: DetailedPeerCertificate, clientCaPem: string): boolean {
  const authorities = certificateFingerprints(clientCaPem)
  let certificate: DetailedPeerCertificate | undefined = peer.issuerCertificate
  for (let depth = 0; certificate !== undefined && depth < CERTIFICATES_MAX; depth += 1) {
    if (authorities.has(certificate.fingerprint256)) return true
    // A self-signed certificate is its own issuer.
    certificate =
      certificate.issuerCertificate === certificate ? undefined : certificate.issuerCertificate
  }
  return false
}

/** All values of each header, in order. Go sends UTF-8, which Node reads as Latin-1. */
function headerValues(incoming: IncomingMessage): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>()
  const { rawHeaders } = incoming
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const value = rawHeaders[index + 1] ?? ''
    values.set(name, [...(values.get(name) ?? []), value])
  }
  return values
}

function firstValue(
  headers: ReadonlyMap<string, readonly string[]>,
  names: readonly string[],
): string {
  for (const name of names) {
    const [value = ''] = headers.get(name) ?? []
    if (value !== '') return utf8(value)
  }
  return ''
}

/** Bytes that are not UTF-8 would make two users look like one in a review. */
function utf8(latin1: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1'))
  } catch (error) {
    throw new Fault('identity_unverified', 'Unauthorized', { cause: error })
  }
}

function withAuthenticated(username: string, raw: readonly string[]): readonly string[] {
  const groups = raw.map(utf8)
  const known = groups.includes(AUTHENTICATED) || groups.includes(UNAUTHENTICATED)
  return known || username === ANONYMOUS ? groups : [...groups, AUTHENTICATED]
}

function parseExtra(
  headers: ReadonlyMap<string, readonly string[]>,
  prefixes: readonly string[],
): Record<string, readonly string[]> {
  const extra = new Map<string, readonly string[]>()
  for (const prefix of prefixes) {
    for (const [name, values] of headers) {
      if (!name.startsWith(prefix)) continue
      const key = unescapeExtraKey(name.slice(prefix.length))
      extra.set(key, [...(extra.get(key) ?? []), ...values.map(utf8)])
    }
  }
  return Object.fromEntries(extra)
}

/** A key that is not percent-encoded well is taken as it stands, as kube-apiserver does. */
function unescapeExtraKey(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    // Converted: the raw key is the key.
    return key
  }
}
