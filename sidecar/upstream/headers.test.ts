import { expect, test } from 'vitest'
import { sanitizeUserAgent, upgradeHeaders, upstreamHeaders } from './request-headers.ts'
import { callerHeaders, tunnelHeaders, warningHeader } from './response-headers.ts'

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
    'sec-websocket-key': 'k',
    'sec-websocket-version': '13',
    'sec-websocket-extensions': 'permessage-deflate',
    'sec-websocket-protocol':
      'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0,v4.channel.k8s.io',
  }
  expect(upgradeHeaders(incoming, 'websocket')).toEqual([
    ...['connection', 'Upgrade', 'upgrade', 'websocket', 'sec-websocket-key', 'k'],
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

test('callerHeaders() drops what belongs to the connection, by list and by name', () => {
  const upstream = {
    connection: 'close, X-Hop',
    'content-type': 'application/json',
    'keep-alive': 'timeout=5',
    'set-cookie': ['a=b'],
    trailer: 'x',
    'transfer-encoding': 'chunked',
    warning: ['299 - "a"', '299 - "b"'],
    'x-hop': '1',
    'x-kubernetes-pf-flowschema-uid': 'u',
  }
  expect(callerHeaders(upstream, 'be "careful"')).toEqual([
    ...['content-type', 'application/json', 'warning', '299 - "a"', 'warning', '299 - "b"'],
    ...['x-kubernetes-pf-flowschema-uid', 'u', 'warning', '299 - "be \\"careful\\""'],
  ])
})

test('tunnelHeaders() keeps the handshake only', () => {
  const upstream = {
    'sec-websocket-accept': 'a',
    'sec-websocket-extensions': 'permessage-deflate',
    'set-cookie': ['a=b'],
    'x-other': '1',
  }
  expect(tunnelHeaders(upstream, 'websocket', '')).toEqual([
    ...['connection', 'Upgrade', 'upgrade', 'websocket', 'sec-websocket-accept', 'a'],
  ])
})

test.each([
  ['plain', '299 - "plain"'],
  ['two\r\nlines: x', '299 - "two lines: x"'],
  ['a\\b', '299 - "a\\\\b"'],
])('warningHeader() of %j', (text, want) => {
  expect(warningHeader(text)).toBe(want)
})
