import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findKube } from '../../support/find-kubernetes.ts'
import { exchange } from '../../support/raw-exchange.ts'
import {
  comparable,
  MAPS,
  NAMESPACE_PATH,
  printRequest,
  type RealApiPair,
  type Sent,
  startRealApiPair,
  WEBSOCKET,
} from '../../support/real-api-pair.ts'

/*
 * Headers and bodies of docs/requests.md and more, each sent to a real kube-apiserver by itself and
 * through a sidecar in front of it: the answers are the same, or differ as the table MEANT says.
 */

const kube = findKube()

const JSON_TYPE = 'Content-Type: application/json'
const CLOSE = 'Connection: close'
const CONFIG_MAP = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"e-"}}'
const DRY = `${MAPS}?dryRun=All`

const BODIES: readonly (readonly [string, Sent])[] = [
  ['GET with a body', { headers: [JSON_TYPE], body: '{}' }],
  [
    'GET with a chunked body',
    { headers: ['Transfer-Encoding: chunked'], body: '2\r\n{}\r\n0\r\n\r\n' },
  ],
  ['HEAD', { method: 'HEAD', headers: [CLOSE] }],
  ['HEAD with a body', { method: 'HEAD', headers: [CLOSE, JSON_TYPE], body: '{}' }],
  [
    'DELETE with a body',
    {
      method: 'DELETE',
      target: `${MAPS}/absent`,
      headers: [JSON_TYPE],
      body: '{"kind":"DeleteOptions","apiVersion":"v1"}',
    },
  ],
  [
    'DELETE with an empty object',
    { method: 'DELETE', target: `${MAPS}/absent`, headers: [JSON_TYPE], body: '{}' },
  ],
  [
    'DELETE with a body that is not one',
    { method: 'DELETE', target: `${MAPS}/absent`, headers: [JSON_TYPE], body: 'null' },
  ],
  [
    'DELETE of many with YAML',
    {
      method: 'DELETE',
      target: `${MAPS}?labelSelector=none`,
      headers: ['Content-Type: application/yaml'],
      body: 'apiVersion: v1\nkind: DeleteOptions\n',
    },
  ],
  [
    'POST, chunked with a trailer',
    {
      method: 'POST',
      target: DRY,
      headers: [JSON_TYPE, 'Transfer-Encoding: chunked', 'Trailer: x-sum'],
      body: `${CONFIG_MAP.length.toString(16)}\r\n${CONFIG_MAP}\r\n0\r\nx-sum: 1\r\n\r\n`,
    },
  ],
  [
    'POST, chunked with extensions',
    {
      method: 'POST',
      target: DRY,
      headers: [JSON_TYPE, 'Transfer-Encoding: Chunked'],
      body: `${CONFIG_MAP.length.toString(16)};a=b\r\n${CONFIG_MAP}\r\n0\r\n\r\n`,
    },
  ],
  ['POST without a type', { method: 'POST', target: DRY, body: CONFIG_MAP }],
  [
    'POST with an odd type',
    { method: 'POST', target: DRY, headers: ['Content-Type: text/plain'], body: CONFIG_MAP },
  ],
  [
    'POST with a type and charset',
    {
      method: 'POST',
      target: DRY,
      headers: ['Content-Type: application/json; charset=UTF-8'],
      body: CONFIG_MAP,
    },
  ],
  ['POST with nothing', { method: 'POST', target: DRY, headers: [JSON_TYPE], body: '' }],
  ['POST without a length', { method: 'POST', target: DRY, headers: [JSON_TYPE] }],
  [
    'POST, expects 100',
    { method: 'POST', target: DRY, headers: [JSON_TYPE, 'Expect: 100-continue'], body: CONFIG_MAP },
  ],
  [
    'POST, expects 100 in capitals',
    { method: 'POST', target: DRY, headers: [JSON_TYPE, 'Expect: 100-Continue'], body: CONFIG_MAP },
  ],
  [
    'POST, encoding identity',
    {
      method: 'POST',
      target: DRY,
      headers: [JSON_TYPE, 'Content-Encoding: identity'],
      body: CONFIG_MAP,
    },
  ],
  [
    'POST, encoding UTF-8',
    {
      method: 'POST',
      target: DRY,
      headers: [JSON_TYPE, 'Content-Encoding: UTF-8'],
      body: CONFIG_MAP,
    },
  ],
  [
    'POST to an object',
    { method: 'POST', target: `${MAPS}/one`, headers: [JSON_TYPE], body: CONFIG_MAP },
  ],
  ['PUT to a list', { method: 'PUT', headers: [JSON_TYPE], body: CONFIG_MAP }],
  [
    'PUT of what is absent',
    {
      method: 'PUT',
      target: `${MAPS}/absent?dryRun=All`,
      headers: [JSON_TYPE],
      body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"absent"}}',
    },
  ],
  [
    'PATCH of a list',
    { method: 'PATCH', headers: ['Content-Type: application/merge-patch+json'], body: '{}' },
  ],
  [
    'PATCH by an odd type',
    { method: 'PATCH', target: `${MAPS}/one`, headers: [JSON_TYPE], body: '{}' },
  ],
  [
    'apply',
    {
      method: 'PATCH',
      target: `${MAPS}/one?fieldManager=x&dryRun=All`,
      headers: ['Content-Type: application/apply-patch+yaml; charset=utf-8'],
      body: 'apiVersion: v1\nkind: ConfigMap\n',
    },
  ],
  [
    'a review',
    {
      method: 'POST',
      target: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      headers: [JSON_TYPE],
      body: '{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"nonResourceAttributes":{"path":"/version","verb":"get"}}}',
    },
  ],
  ...['OPTIONS', 'TRACE', 'PROPFIND', 'PURGE', 'LINK', 'QUERY'].map(
    (method) => [`${method} of a list`, { method }] as const,
  ),
  ['OPTIONS elsewhere', { method: 'OPTIONS', target: '/version' }],
  ['POST elsewhere', { method: 'POST', target: '/version', body: '' }],
  ['DELETE elsewhere', { method: 'DELETE', target: '/readyz' }],
  [
    'OPTIONS with Origin',
    {
      method: 'OPTIONS',
      headers: ['Origin: https://a.example', 'Access-Control-Request-Method: GET'],
    },
  ],
]

const HEADERS: readonly (readonly [string, Sent])[] = [
  ['bearer', { authorization: ['Authorization: bearer TOKEN'] }],
  ['BEARER', { authorization: ['Authorization: BEARER TOKEN'] }],
  ['spaces around', { authorization: ['Authorization:   Bearer TOKEN  '] }],
  ['text after the token', { authorization: ['Authorization: Bearer TOKEN more'] }],
  [
    'the token twice',
    { authorization: ['Authorization: Bearer TOKEN', 'Authorization: Bearer TOKEN'] },
  ],
  ['a wrong token', { authorization: ['Authorization: Bearer wrong'] }],
  ['a type twice', { headers: [JSON_TYPE, JSON_TYPE] }],
  ['Accept twice', { headers: ['Accept: application/yaml', 'Accept: application/json'] }],
  ['HTTP/1.0', { version: 'HTTP/1.0' }],
  ['HTTP/1.0, kept', { version: 'HTTP/1.0', headers: ['Connection: keep-alive'] }],
  ['HTTP/1.0 without Host', { version: 'HTTP/1.0', host: [] }],
  ['HTTP/1.1 with an odd Host', { host: ['Host: a_b.example:1'] }],
  ['an empty Host', { host: ['Host:'] }],
  ['110 headers', { headers: Array.from({ length: 110 }, (_, at) => `x-trace-${at}: 1`) }],
  ['2,000 headers', { headers: Array.from({ length: 2_000 }, (_, at) => `x-trace-${at}: 1`) }],
  ['a cookie of 60 kB', { headers: [`Cookie: c=${'a'.repeat(60_000)}`] }],
  ['an empty header', { headers: ['x-empty:', 'Accept:', 'User-Agent:', 'Content-Type:'] }],
  ['a header that is not ASCII', { headers: ['x-name: \xc3\xa9'] }],
  ['a header with an underscore', { headers: ['x_name: 1'] }],
  ['Connection: close', { headers: [CLOSE] }],
  ['Keep-Alive', { headers: ['Connection: Keep-Alive', 'Keep-Alive: timeout=5, max=100'] }],
  ['Proxy-Connection', { headers: ['Proxy-Connection: keep-alive'] }],
  ['Connection names an odd header', { headers: ['Connection: x-mine', 'x-mine: 1'] }],
  ['TE', { headers: ['Connection: TE', 'TE: trailers'] }],
  [
    'Upgrade: h2c',
    {
      headers: [
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
      ],
    },
  ],
  ['Upgrade: TLS/1.2', { headers: ['Connection: Upgrade', 'Upgrade: TLS/1.2'] }],
  [
    'Upgrade: TLS/1.0, HTTP/1.1',
    { headers: ['Connection: Upgrade', 'Upgrade: TLS/1.0, HTTP/1.1'] },
  ],
  ['Upgrade without Connection', { headers: ['Upgrade: websocket'] }],
  ['Upgrade: odd', { headers: ['Connection: Upgrade', 'Upgrade: odd/1'] }],
  [
    'Upgrade: h2c with a body',
    {
      method: 'POST',
      target: DRY,
      headers: [
        JSON_TYPE,
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
      ],
      body: CONFIG_MAP,
    },
  ],
  ['WebSocket on a list', { headers: WEBSOCKET }],
  ['WebSocket on an object', { target: `${MAPS}/one`, headers: WEBSOCKET }],
  ['WebSocket on discovery', { target: '/api/v1', headers: WEBSOCKET }],
  [
    'WebSocket on a log of no pod',
    { target: `${NAMESPACE_PATH}/pods/absent/log?follow=true`, headers: WEBSOCKET },
  ],
  [
    'WebSocket exec of no pod',
    {
      target: `${NAMESPACE_PATH}/pods/absent/exec?command=a&stdout=1`,
      headers: [...WEBSOCKET, 'Sec-WebSocket-Protocol: v4.channel.k8s.io'],
    },
  ],
  [
    'WebSocket without a key',
    { target: `${MAPS}?watch=true&timeoutSeconds=1`, headers: WEBSOCKET.slice(0, 3) },
  ],
  [
    'WebSocket without a version',
    {
      target: `${MAPS}?watch=true&timeoutSeconds=1`,
      headers: [...WEBSOCKET.slice(0, 2), 'Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng=='],
    },
  ],
  ['SPDY on a list', { headers: ['Connection: Upgrade', 'Upgrade: SPDY/3.1'] }],
  ['Range', { headers: ['Range: bytes=0-9'] }],
  ['Range of openapi', { target: '/openapi/v2', headers: ['Range: bytes=0-9'] }],
  ['If-Match', { headers: ['If-Match: "x"'] }],
  [
    'If-Modified-Since',
    { target: '/openapi/v3', headers: ['If-Modified-Since: Fri, 27 Nov 2037 00:00:00 GMT'] },
  ],
  ...[
    ...[
      'application/yaml',
      'application/vnd.kubernetes.protobuf',
      'application/cbor',
      '*/*',
      'text/html',
    ],
    ...[
      'application/json;as=Table;v=v1;g=meta.k8s.io',
      'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    ],
    ...[
      'text/plain',
      'nonsense',
      'application/json;q=0.1, application/yaml',
      'application/xml;q=0.9, */*;q=0.1',
    ],
  ].map((type) => [`Accept: ${type}`, { headers: [`Accept: ${type}`] }] as const),
  ['gzip', { target: '/openapi/v2', headers: ['Accept-Encoding: gzip'] }],
  ['gzip of discovery', { target: '/api/v1', headers: ['Accept-Encoding: gzip, deflate, br'] }],
  [
    'discovery of all',
    {
      target: '/apis',
      headers: ['Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'],
    },
  ],
  ['to be another one', { headers: ['Impersonate-User: tenant'] }],
  [
    'to be another one of a group',
    { headers: ['Impersonate-User: tenant', 'Impersonate-Group: system:masters'] },
  ],
  ['to be a group of nobody', { headers: ['Impersonate-Group: system:masters'] }],
  [
    'traceparent',
    { headers: ['traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'] },
  ],
  [
    'forwarded',
    {
      headers: [
        'X-Forwarded-For: 10.0.0.1',
        'X-Forwarded-Proto: http',
        'Via: 1.1 a',
        'X-Real-Ip: 1.2.3.4',
      ],
    },
  ],
  ['an audit id', { headers: ['Audit-ID: 0af76519-16cd-43dd-8448-eb211c80319c'] }],
]

/**
 * Without the container's token nobody is known to ask: kube-apiserver goes on as
 * `system:anonymous`. What is not HTTP/1.1 by RFC 9112, or asks for what nobody has, is 400.
 */
const MEANT: readonly (readonly [string, number, number, Sent])[] = [
  ['no Authorization', 403, 401, { authorization: [] }],
  ['two spaces', 403, 401, { authorization: ['Authorization: Bearer  TOKEN'] }],
  ['a tab', 403, 401, { authorization: ['Authorization: Bearer\tTOKEN'] }],
  ['an empty token', 403, 401, { authorization: ['Authorization: Bearer '] }],
  ['an empty Authorization', 403, 401, { authorization: ['Authorization:'] }],
  ['Basic', 403, 401, { authorization: ['Authorization: Basic YTpi'] }],
  ['a folded header', 200, 400, { headers: ['x-a: 1\r\n 2'] }],
  ['a space before a colon', 400, 400, { headers: ['x-a : 1'] }],
  ['a bad header name', 400, 400, { headers: ['x(a): 1'] }],
  ['a control in a header', 400, 400, { headers: ['x-a: a\x01b'] }],
  ['a length of letters', 400, 400, { headers: ['Content-Length: x'] }],
  ['an odd expectation', 417, 400, { headers: ['Expect: a-miracle'] }],
  [
    'an odd transfer encoding',
    501,
    400,
    { method: 'POST', headers: ['Transfer-Encoding: gzip, chunked'], body: '0\r\n\r\n' },
  ],
  ['a type twice, with two values', 200, 400, { headers: [JSON_TYPE, 'Content-Type: text/plain'] }],
  ['another method by a header', 200, 400, { headers: ['X-HTTP-Method-Override: DELETE'] }],
  ['who asks by a header', 200, 400, { headers: ['X-Remote-User: admin'] }],
]

describe.skipIf(kube === undefined)('a sidecar before a real kube-apiserver', () => {
  let pair: RealApiPair

  beforeAll(async () => {
    pair = await startRealApiPair(kube ?? '')
  }, 120_000)

  afterAll(() => pair?.close())

  test.each([...BODIES, ...HEADERS])('answers the same: %s', async (_title, sent) => {
    const { theirs, ours } = await pair.ask(sent)
    expect(comparable(ours), ours.body.slice(0, 400)).toEqual(comparable(theirs))
  })

  test.each(MEANT)('differs on purpose: %s', async (_title, theirStatus, ourStatus, sent) => {
    const { theirs, ours } = await pair.ask(sent)
    expect([theirs.httpStatus, ours.httpStatus]).toEqual([theirStatus, ourStatus])
  })

  test('answers 304 to a tag that still holds, and 301 to an old hash', async () => {
    const { theirs } = await pair.ask({ target: '/openapi/v2' })
    const again = await pair.ask({
      target: '/openapi/v2',
      headers: [`If-None-Match: ${theirs.headers['etag']}`],
    })
    expect([again.theirs.httpStatus, again.ours.httpStatus]).toEqual([304, 304])
    const old = await pair.ask({ target: '/openapi/v3/apis/apps/v1?hash=OLD' })
    expect([old.theirs.httpStatus, old.ours.httpStatus]).toEqual([301, 301])
    expect(old.ours.headers['location']).toBe(old.theirs.headers['location'])
  })

  test.each([
    ['by the parameter', `${MAPS}?watch=true`],
    ['by the path', '/api/v1/watch/namespaces/team/configmaps'],
  ])('carries a watch over WebSocket %s', async (_title, target) => {
    const unnamed = await pair.ask({ target, headers: WEBSOCKET })
    expect([unnamed.theirs.httpStatus, unnamed.ours.httpStatus]).toEqual([403, 403])
    const headers = [...WEBSOCKET, 'Origin: https://kubernetes.default.svc']
    const { theirs, ours } = await pair.ask({ target, headers })
    expect([theirs.httpStatus, ours.httpStatus]).toEqual([101, 101])
    expect(ours.body).toContain('"type":"ADDED"')
    expect(ours.headers['sec-websocket-accept']).toBe(theirs.headers['sec-websocket-accept'])
  })

  test('answers two requests that are sent at the same time in their order', async () => {
    const text = printRequest({ target: '/version' }) + printRequest({ target: `${MAPS}/absent` })
    const answers = [await exchange(pair.direct, text, 2), await exchange(pair.through, text, 2)]
    const statuses = answers.map((each) => each.map(({ httpStatus }) => httpStatus))
    expect(statuses).toEqual([
      [200, 404],
      [200, 404],
    ])
  })
})
