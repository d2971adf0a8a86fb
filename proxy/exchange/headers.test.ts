import { expect, test } from 'vitest'
import { aCallerRequest } from '../../test/support/caller-requests.ts'
import { warningHeader } from '../answer/warning-header.ts'
import { findHeaderRule, HEADER_RULES } from '../judgement/header-rules.ts'
import { upgradeHeaders, upstreamHeaders } from './request-headers.ts'
import { callerHeaders, TAKEN_AWAY, tunnelHeaders } from './response-headers.ts'

const own = {
  credentials: ['authorization', 'Bearer real'],
  decisionId: '01J',
  userAgent: 'kubectl/v1',
}

const sent = (incoming: readonly string[]) => upstreamHeaders(incoming, own).slice(6)

test('upstreamHeaders() replaces credentials and ids, and ends what belongs to the connection', () => {
  const incoming = [
    ...['Authorization', 'Bearer of-the-caller', 'Audit-ID', 'forged', 'Host', 'evil'],
    ...['Connection', 'close, X-Hop', 'Keep-Alive', 'x', 'TE', 'trailers', 'X-Hop', '1'],
    ...['Proxy-Authorization', 'x', 'Transfer-Encoding', 'chunked', 'Content-Length', '1'],
    ...['Expect', '100-continue', 'Upgrade', 'h2c', 'Sec-WebSocket-Key', 'x', 'User-Agent', 'x'],
  ]
  expect(upstreamHeaders(incoming, own)).toEqual([
    ...['authorization', 'Bearer real', 'audit-id', '01J', 'user-agent', 'kubectl/v1'],
  ])
})

test('upstreamHeaders() passes every other header as it came', () => {
  const passed = [
    ...['accept', 'application/json', 'accept', 'application/yaml', 'accept-encoding', 'gzip'],
    ...['if-none-match', '"x"', 'range', 'bytes=0-1', 'cookie', 'a=b', 'origin', 'https://x'],
    ...['kubectl-command', 'kubectl get', 'traceparent', '00-0-0-01', 'x-forwarded-for', '1.2.3.4'],
    ...['content-encoding', 'identity', 'impersonate-group', 'a', 'impersonate-group', 'b'],
    ...['x-my-own', 'é', 'audit_id', 'x'],
  ]
  expect(sent(passed)).toEqual(passed)
})

test('upstreamHeaders() sends one of two equal headers of which only one counts', () => {
  expect(sent(['Content-Type', 'a/b', 'content-type', 'a/b'])).toEqual(['content-type', 'a/b'])
})

test.each(HEADER_RULES)('upstreamHeaders() treats $name as $use', ({ name, use }) => {
  const header = name.replace('*', 'x')
  const want = use === 'passed' || use === 'judged' ? [header, 'v'] : []
  expect(sent([header.toUpperCase(), 'v'])).toEqual(want)
})

test('HEADER_RULES has one rule for each name, with a reason', () => {
  const names = HEADER_RULES.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(HEADER_RULES.filter(({ why }) => why.length < 4)).toEqual([])
})

test.each([
  ['x-remote-user', 'refused'],
  ['x_remote_group', 'refused'],
  ['x-remote-extra-scopes', 'refused'],
  ['x_http_method_override', 'refused'],
  ['impersonate-user', 'judged'],
  ['impersonate_user', 'judged'],
  ['impersonate-extra-a%2fb', 'judged'],
  ['impersonate-new-thing', 'judged'],
  ['x-forwarded-for', 'passed'],
  ['x-unknown', undefined],
  ['audit_id', undefined],
])('findHeaderRule() of %s is %s', (name, use) => {
  expect(findHeaderRule(name)?.use).toBe(use)
})

const asked = (headers: Record<string, string>) => aCallerRequest('GET', '/', headers)

test('upgradeHeaders() keeps the handshake and drops credentials and extensions', () => {
  const incoming = {
    connection: 'Upgrade, Authorization',
    'sec-websocket-key': 'k',
    'sec-websocket-version': '13',
    'sec-websocket-extensions': 'permessage-deflate',
    'sec-websocket-protocol':
      'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0,v4.channel.k8s.io',
  }
  expect(upgradeHeaders(asked(incoming), 'websocket')).toEqual([
    ...['connection', 'Upgrade', 'upgrade', 'websocket'],
    ...['sec-websocket-key', 'k'],
    ...['sec-websocket-version', '13', 'sec-websocket-protocol'],
    'v5.channel.k8s.io, v4.channel.k8s.io',
  ])
})

test('upgradeHeaders() drops the subprotocol header when only credentials were in it', () => {
  const incoming = { 'sec-websocket-protocol': 'Base64url.Bearer.authorization.k8s.io.x' }
  expect(upgradeHeaders(asked(incoming), 'websocket')).toEqual([
    'connection',
    'Upgrade',
    'upgrade',
    'websocket',
  ])
})

test('upgradeHeaders() sends each SPDY stream version in a header of its own', () => {
  const incoming = { 'x-stream-protocol-version': 'v4.channel.k8s.io, channel.k8s.io' }
  expect(upgradeHeaders(asked(incoming), 'SPDY/3.1').slice(4)).toEqual([
    ...['x-stream-protocol-version', 'v4.channel.k8s.io'],
    ...['x-stream-protocol-version', 'channel.k8s.io'],
  ])
})

const END_TO_END = {
  'accept-ranges': 'bytes',
  'audit-id': '01J',
  'content-encoding': 'gzip',
  'content-range': 'bytes 0-1/2',
  'content-type': 'application/json',
  deprecation: 'true',
  etag: '"1"',
  'last-modified': 'Fri, 27 Nov 2026 10:00:00 GMT',
  location: '/api/v1/namespaces/team/pods/p/proxy/',
  'retry-after': '1',
  vary: 'Accept',
  'www-authenticate': 'Basic realm="of a pod"',
  'x-custom': 'yes',
  'x-kubernetes-pf-flowschema-uid': 'u',
}

test.each(Object.keys(TAKEN_AWAY))('callerHeaders() takes %s away', (name) => {
  expect(callerHeaders([name.toUpperCase(), 'x', 'ETag', '"1"'], '')).toEqual(['etag', '"1"'])
})

test('callerHeaders() passes every other header on, each value by itself', () => {
  expect(callerHeaders(Object.entries(END_TO_END).flat(), '')).toEqual(
    Object.entries(END_TO_END).flat(),
  )
  expect(callerHeaders(['Set-Cookie', 'a=b', 'set-cookie', 'c=d'], '')).toEqual([
    ...['set-cookie', 'a=b', 'set-cookie', 'c=d'],
  ])
})

test('callerHeaders() takes away what Connection names, and adds its own warning', () => {
  const upstream = [
    ...['Connection', 'close, X-Hop', 'Warning', '299 - "a"', 'Warning', '299 - "b"'],
    ...['X-Hop', '1'],
  ]
  expect(callerHeaders(upstream, 'be "careful"')).toEqual([
    ...['warning', '299 - "a"', 'warning', '299 - "b"', 'warning', '299 - "be \\"careful\\""'],
  ])
})

test('tunnelHeaders() upgrades the connection of the caller and passes the rest on', () => {
  const upstream = [
    ...['Connection', 'Upgrade', 'Content-Length', '0', 'Sec-WebSocket-Accept', 'a'],
    ...['Set-Cookie', 'a=b', 'Upgrade', 'websocket'],
  ]
  expect(tunnelHeaders(upstream, 'websocket', '')).toEqual([
    ...['connection', 'Upgrade', 'upgrade', 'websocket', 'sec-websocket-accept', 'a'],
    ...['set-cookie', 'a=b'],
  ])
})

test.each([
  ['plain', '299 - "plain"'],
  ['two\r\nlines: x', '299 - "two lines: x"'],
  ['a\\b', '299 - "a\\\\b"'],
])('warningHeader() of %j', (text, want) => {
  expect(warningHeader(text)).toBe(want)
})
