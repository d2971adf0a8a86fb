import type { IncomingMessage } from 'node:http'
import { parseRequestInfo, type RequestInfo } from '../../core/kubernetes/request-info.ts'

/**
 * Protocols that carry requests of their own, past the decision on the one that asked. Go ignores
 * them; a server behind kube-apiserver might not. Source: the registry of HTTP upgrade tokens at IANA.
 */
const CARRIES_REQUESTS = /^(?:h2c?|h3|http|tls|connect-udp|connect-ip)(?:\/|$)/i
/** One name with one version. kube-apiserver takes a list of several for none of them. */
const PROTOCOL = /^[\w!#$%&'*+.^`|~-]+(?:\/[\w!#$%&'*+.^`|~-]+)?$/
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
const STREAMS_OF_PODS = /^(?:websocket|spdy\/3\.1)$/i

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
export function parseUpgrade(incoming: IncomingMessage, info: RequestInfo): string {
  const { headers, method, httpVersion } = incoming
  const asked = headers.upgrade ?? ''
  if (!PROTOCOL.test(asked) || CARRIES_REQUESTS.test(asked)) return ''
  if (httpVersion !== '1.1' || hasBody(headers) || !info.attributes.resourceRequest) return ''
  if (!METHODS.has(method ?? '')) return ''
  const websocket = asked.toLowerCase() === 'websocket'
  if (websocket && method !== 'GET') return ''
  if (info.upgrade === '') return asked
  const streams = STREAMS_OF_PODS.test(asked) && (method === 'GET' || method === 'POST')
  return streams ? asked : ''
}

function hasBody(headers: IncomingMessage['headers']): boolean {
  if (headers['transfer-encoding'] !== undefined) return true
  return (headers['content-length'] ?? '0') !== '0'
}

/**
 * Whether the server hands a request over as an upgrade. What cannot be read goes the way of ordinary
 * requests, where it is refused on record.
 */
export function isUpgrade(incoming: IncomingMessage): boolean {
  try {
    const { method = '', url = '', headers } = incoming
    return parseUpgrade(incoming, parseRequestInfo(method, url, headers['content-type'])) !== ''
  } catch {
    // Recorded by whoever reads it again.
    return false
  }
}
