import { expect, test } from 'vitest'
import { sanitizeUserAgent, upgradeHeaders, upstreamHeaders } from './request-headers.ts'
import { callerHeaders, TAKEN_AWAY, tunnelHeaders, warningHeader } from './response-headers.ts'

const own = { token: 'real', decisionId: '01J', userAgent: 'kubectl/v1' }

test('upstreamHeaders() copies what is on its list and nothing else', () => {
  const incoming = {
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'content-type': 'application/yaml',
    'if-none-match': '"x"',
    authorization: 'Bearer of-the-caller',
    connection: 'close, Authorization, Audit-ID',
    cookie: 'a=b',
    forwarded: 'for=1.2.3.4',
    host: 'evil',
    'impersonate-user': 'root',
    impersonate_user: 'root',
    'proxy-authorization': 'x',
    te: 'trailers',
    traceparent: 'x',
    'x-forwarded-for': '1.2.3.4',
    'x-http-method-override': 'DELETE',
    'x-original-url': '/api/v1/secrets',
    'x-remote-user': 'root',
    'audit-id': 'forged',
  }
  expect(upstreamHeaders(incoming, own)).toEqual([
    ...['authorization', 'Bearer real', 'audit-id', '01J', 'user-agent', 'kubectl/v1'],
    ...['accept', 'application/json', 'accept-encoding', 'gzip'],
    ...['content-type', 'application/yaml', 'if-none-match', '"x"'],
  ])
})

test.each([
  [undefined, ''],
  ['kubectl/v1.34 (linux/amd64)', 'kubectl/v1.34 (linux/amd64)'],
  ['a\tb\u00e9', 'a?b?'],
  ['x'.repeat(300), 'x'.repeat(256)],
])('sanitizeUserAgent() of %j', (value, want) => {
  expect(sanitizeUserAgent(value)).toBe(want)
})

test('upgradeHeaders() keeps the handshake and drops credentials and extensions', () => {
  const incoming = {
    connection: 'Upgrade, Authorization',
    origin: 'https://kubernetes.default.svc',
    'sec-websocket-key': 'k',
    'sec-websocket-version': '13',
    'sec-websocket-extensions': 'permessage-deflate',
    'sec-websocket-protocol':
      'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0,v4.channel.k8s.io',
  }
  expect(upgradeHeaders(incoming, 'websocket')).toEqual([
    ...['connection', 'Upgrade', 'upgrade', 'websocket'],
    ...['origin', 'https://kubernetes.default.svc', 'sec-websocket-key', 'k'],
    ...['sec-websocket-version', '13', 'sec-websocket-protocol'],
    'v5.channel.k8s.io, v4.channel.k8s.io',
  ])
})

test('upgradeHeaders() drops the subprotocol header when only credentials were in it', () => {
  const incoming = { 'sec-websocket-protocol': 'Base64url.Bearer.authorization.k8s.io.x' }
  expect(upgradeHeaders(incoming, 'websocket')).toEqual([
    'connection',
    'Upgrade',
    'upgrade',
    'websocket',
  ])
})

test('upgradeHeaders() sends each SPDY stream version in a header of its own', () => {
  const incoming = { 'x-stream-protocol-version': 'v4.channel.k8s.io, channel.k8s.io' }
  expect(upgradeHeaders(incoming, 'SPDY/3.1').slice(4)).toEqual([
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
  expect(callerHeaders({ [name]: 'x', etag: '"1"' }, '')).toEqual(['etag', '"1"'])
})

test('callerHeaders() passes every other header on, each value by itself', () => {
  expect(callerHeaders(END_TO_END, '')).toEqual(Object.entries(END_TO_END).flat())
  expect(callerHeaders({ 'set-cookie': ['a=b', 'c=d'] }, '')).toEqual([
    ...['set-cookie', 'a=b', 'set-cookie', 'c=d'],
  ])
})

test('callerHeaders() takes away what Connection names, and adds its own warning', () => {
  const upstream = {
    connection: 'close, X-Hop',
    warning: ['299 - "a"', '299 - "b"'],
    'x-hop': '1',
  }
  expect(callerHeaders(upstream, 'be "careful"')).toEqual([
    ...['warning', '299 - "a"', 'warning', '299 - "b"', 'warning', '299 - "be \\"careful\\""'],
  ])
})

test('tunnelHeaders() upgrades the connection of the caller and passes the rest on', () => {
  const upstream = {
    connection: 'Upgrade',
    'content-length': '0',
    'sec-websocket-accept': 'a',
    'set-cookie': ['a=b'],
    upgrade: 'websocket',
  }
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
