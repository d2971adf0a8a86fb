/**
 * What becomes of a request header.
 *
 * - `passed`: goes on as it came.
 * - `judged`: is part of the decision, and then goes on.
 * - `replaced`: the sidecar says it itself, since what the caller says is not so.
 * - `connection`: ends here, as HTTP says (RFC 9110, section 7.6.1); the sidecar makes its own.
 * - `own`: is for Lanyard, and ends here.
 * - `refused`: 400, since it claims what a container may not claim.
 */
export type HeaderUse = 'passed' | 'judged' | 'replaced' | 'connection' | 'own' | 'refused'

export interface HeaderRule {
  /** In lower case; `*` at the end stands for any rest. */
  readonly name: string
  readonly use: HeaderUse
  readonly why: string
}

const rules = (use: HeaderUse, why: string, ...names: readonly string[]): readonly HeaderRule[] =>
  names.map((name) => ({ name, use, why }))

/**
 * Every request header that kube-apiserver, its aggregator or its proxies read, and those with which
 * a caller could speak past them. Any other header is passed: a proxied service may know it.
 * Sources: Kubernetes v1.34, apiserver/pkg/endpoints, apiserver/pkg/server/filters,
 * apiserver/pkg/util/proxy, apimachinery/pkg/util/net, apimachinery/pkg/util/httpstream,
 * kube-aggregator/pkg/apiserver; RFC 9110.
 */
export const HEADER_RULES: readonly HeaderRule[] = [
  ...rules('judged', 'as whom the request is made: guard impersonation', 'impersonate-*'),
  ...rules('judged', 'a server-side apply may create', 'content-type'),
  ...rules('replaced', "the pod's real token", 'authorization'),
  ...rules('replaced', 'the id of the decision, which finds the record', 'audit-id'),
  ...rules('replaced', 'at most 256 printable characters, as it stands on record', 'user-agent'),
  ...rules('replaced', 'the name of the API server that is asked', 'host'),
  ...rules('own', 'why the caller asks, for whoever approves', 'lanyard-reason'),
  ...rules('own', 'for how many seconds the caller waits for an approval', 'lanyard-wait'),
  ...rules(
    'refused',
    'only the aggregator may say who asks; send the token of the container alone',
    'x-remote-*',
  ),
  ...rules(
    'refused',
    'another method than the one that is judged; send that method',
    ...['x-http-method', 'x-http-method-override', 'x-method-override'],
  ),
  ...rules(
    'refused',
    'another path than the one that is judged; send that path',
    ...['x-original-url', 'x-rewrite-url'],
  ),
  ...rules(
    'connection',
    'belongs to one connection',
    ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade'],
    ...['http2-settings', 'proxy-authenticate', 'proxy-authorization'],
  ),
  ...rules(
    'connection',
    'how the body is framed and asked for',
    ...['content-length', 'transfer-encoding', 'expect'],
  ),
  ...rules(
    'connection',
    'a handshake; without bearer tokens, and extensions are not offered',
    ...['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol'],
    ...['sec-websocket-extensions', 'x-stream-protocol-version'],
  ),
  ...rules('passed', 'content negotiation', 'accept', 'accept-encoding', 'accept-language'),
  ...rules('passed', 'kube-apiserver does not read it', 'content-encoding', 'cookie'),
  ...rules(
    'passed',
    'conditions',
    ...['if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since'],
    ...['range', 'cache-control'],
  ),
  ...rules('passed', 'CORS', 'origin', 'referer', 'access-control-request-*'),
  ...rules('passed', 'tracing', 'traceparent', 'tracestate', 'baggage', 'x-request-id'),
  ...rules('passed', 'what kubectl does', 'kubectl-command', 'kubectl-session'),
  ...rules(
    'passed',
    'on the way of a request; kube-apiserver notes it beside the true address, and trusts it in nothing',
    ...['forwarded', 'via', 'x-forwarded-*', 'x-real-ip', 'x-original-uri'],
  ),
  ...rules('passed', 'of the API server', 'x-kubernetes-*'),
]

const EXACT = new Map(
  HEADER_RULES.filter(({ name }) => !name.endsWith('*')).map((rule) => [rule.name, rule]),
)
const PREFIXES = HEADER_RULES.filter(({ name }) => name.endsWith('*')).map((rule) => ({
  prefix: rule.name.slice(0, -1),
  rule,
}))

/** The rule for a header, by its name in lower case; undefined for one that is passed unknown. */
export function findHeaderRule(name: string): HeaderRule | undefined {
  const exact = EXACT.get(name)
  if (exact !== undefined) return exact
  // Some servers take "_" for "-": what claims an identity claims it in either writing.
  const dashed = name.replaceAll('_', '-')
  const found = PREFIXES.find(({ prefix }) => dashed.startsWith(prefix))?.rule
  if (found !== undefined || dashed === name) return found
  const other = EXACT.get(dashed)
  return other?.use === 'refused' ? other : undefined
}

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
