import { parseRequestInfo, type RequestInfo } from '../../core/kubernetes/request-info.ts'
import type { CallerRequest } from '../caller/caller-request.ts'

/**
 * Protocols that carry requests of their own, past the decision on the one that asked. Go ignores
 * them; a server behind kube-apiserver might not. Source: the registry of HTTP upgrade tokens at IANA.
 */
const CARRIES_REQUESTS = /^(?:h2c?|h3|http|tls|connect-udp|connect-ip)(?:\/|$)/i
/** One name with one version. kube-apiserver takes a list of several for none of them. */
const PROTOCOL = /^[\w!#$%&'*+.^`|~-]+(?:\/[\w!#$%&'*+.^`|~-]+)?$/
/** A list with `upgrade` in it. Source: RFC 9110, section 7.8. */
const CONNECTION = /(?:^|,)\s*upgrade\s*(?:,|$)/i
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
const STREAMS_OF_PODS = /^(?:websocket|spdy\/3\.1)$/i

/** What of a request tells whether it asks for an upgrade. */
type UpgradeHead = Pick<CallerRequest, 'method' | 'target' | 'head' | 'header' | 'headerList'>

/**
 * The protocol that a request may take its connection over to, as it was written; empty for an
 * ordinary request. An upgrade that kube-apiserver would ignore makes an ordinary request too, as RFC
 * 9110 section 7.8 allows.
 *
 * kube-apiserver (v1.34) upgrades exec, attach and port-forward of pods
 * (apimachinery/pkg/util/proxy/streamtunnel.go), watches and logs to WebSocket
 * (apiserver/pkg/endpoints/handlers/watch.go, responsewriters/writers.go), and to any protocol what it
 * proxies or leads to an aggregated API (apimachinery/pkg/util/proxy/upgradeaware.go). Which APIs are
 * aggregated is not known here, so every upgrade of a resource is passed on, and the answer tells.
 */
export function parseUpgrade(incoming: UpgradeHead, info: RequestInfo): string {
  if (incoming.header('upgrade') === undefined) return ''
  const asked = incoming.headerList('upgrade') ?? ''
  if (!CONNECTION.test(incoming.headerList('connection') ?? '')) return ''
  const { method, head } = incoming
  if (!PROTOCOL.test(asked) || CARRIES_REQUESTS.test(asked)) return ''
  if (head.httpVersion !== '1.1' || hasBody(incoming) || !info.attributes.resourceRequest) return ''
  if (!METHODS.has(method)) return ''
  const websocket = asked.toLowerCase() === 'websocket'
  if (websocket && method !== 'GET') return ''
  if (info.upgrade === '') return asked
  const streams = STREAMS_OF_PODS.test(asked) && (method === 'GET' || method === 'POST')
  return streams ? asked : ''
}

function hasBody(incoming: UpgradeHead): boolean {
  if (incoming.header('transfer-encoding') !== undefined) return true
  return (incoming.header('content-length') ?? '0') !== '0'
}

/** Whether a request may become a tunnel; what cannot be read does not, and is refused on record. */
export function isUpgrade(incoming: UpgradeHead): boolean {
  try {
    const { method, target } = incoming
    const info = parseRequestInfo(method, target, incoming.header('content-type'))
    return parseUpgrade(incoming, info) !== ''
  } catch {
    // Recorded by whoever reads it again.
    return false
  }
}
