import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deny } from '../../support/fake-control-plane.ts'
import {
  eventually,
  readAll,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

let fixture: SidecarFixture
beforeAll(async () => {
  fixture = await startSidecarFixture({ LANYARD_REQUEST_BODY_BYTES_MAX: '4096' })
})
afterAll(() => fixture.close())
beforeEach(() => {
  fixture.api.requests.length = 0
  fixture.controlPlane.questions.length = 0
  fixture.controlPlane.decide((_request, id) => deny(id))
})

const PODS = '/api/v1/namespaces/team/pods'
/** What is written there is sent on while it comes. */
const CONFIG_MAPS = '/api/v1/namespaces/team/configmaps'

/** Sends raw bytes, the caller's token in the place of TOKEN, and reads the whole answer. */
async function send(bytes: string): Promise<string> {
  const socket = await fixture.connect()
  const answer = readAll(socket)
  socket.write(bytes.replace('TOKEN', fixture.token), 'latin1')
  return answer
}

function head(line: string, headers: readonly string[] = []): string {
  return [
    `${line} HTTP/1.1`,
    'Host: kubernetes.default.svc',
    'Authorization: Bearer TOKEN',
    'Connection: close',
    ...headers,
    '\r\n',
  ].join('\r\n')
}

function bodyOf(answer: string): Record<string, unknown> {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>
}

// Rows of the path-confusion table that must never be forwarded, whatever was decided.
const HOSTILE_TARGETS = [
  ['GET', '/api//v1/namespaces/dev/secrets'],
  ['GET', '/api/v1/namespaces//secrets'],
  ['DELETE', '/api/v1/namespaces/dev/pods/%2f'],
  ['GET', '/api/v1/namespaces/dev/pods/p%2Fexec?command=id'],
  ['GET', '/api/v1/namespaces/dev%2Fsecrets%2Fdb'],
  ['GET', '/api/v1/namespaces/dev/%2573ecrets/db'],
  ['GET', '/api%2Fv1%2Fnamespaces%2Fdev%2Fsecrets'],
  ['GET', '/api/v1/namespaces/dev/pods/../secrets/db'],
  ['GET', '/api/v1/namespaces/dev/pods/.%2e%2fsecrets%2fdb'],
  ['GET', '/api/v1/namespaces/./secrets'],
  ['GET', '/version/../api/v1/secrets'],
  ['GET', '/api/v1/namespaces/dev/services/svc/proxy/%2e%2e/%2e%2e/%2e%2e/pods/ok'],
  ['GET', '/api/V1/namespaces/dev/secrets/db'],
  ['GET', '/api/v1/namespaces/dev\\secrets\\db'],
  ['GET', '/api/v1/namespaces/dev/secrets/db%00'],
  ['GET', '/api/v1/namespaces/dev/secrets%23/db'],
  ['GET', '/api/v1/namespaces/dev/Secrets/db'],
  ['GET', '/api/v1/namespaces/dev/pods//exec'],
  ['GET', '/api/v1/namespaces/dev/secrets?watch=1;x=1'],
  ['GET', 'http://evil.example//api/v1/namespaces/dev/secrets'],
  ['GET', '//evil.example/api/v1/namespaces/dev/secrets'],
  ['GET', '/apis/apps/v1//'],
  ['GET', '/api/v1/watch'],
  ['GET', '/api/v1/watch/namespaces/dev/%2573ecrets'],
  ['GET', '/api/v1/namespaces/dev/services/svc/proxy/a/..;x/b'],
  ['GET', '/api/v1/namespaces/dev/services/svc/proxy/a%252F%252e%252e%252Fb'],
  ['GET', `/version?${'a&'.repeat(10_001)}`],
  ['GET', '*'],
  ['OPTIONS', '*'],
  ['CONNECT', '10.0.0.1:443'],
  ['GET', '/apis//v1/namespaces/dev/secrets'],
  ['GET', '/api/v1/namespaces/dev/pods/p/exec?command=%zz&command=sh'],
  ['GET', `${PODS}#x`],
  ['GET', `/api/v1/${'a'.repeat(17_000)}`],
  ['GET', `/api/v1/namespaces/${'a'.repeat(3_000)}/pods`],
  ['GET', `/api/v1/namespaces/${'a'.repeat(1_900)}/pods`],
  ['GET', `/api/v1/namespaces/dev/services/web/proxy/${'a'.repeat(2_100)}`],
  ['GET', `/api/v1/namespaces/dev/pods/p/log?container=${'a'.repeat(3_000)}`],
  ['GET', `${PODS}?fieldSelector=metadata.name=b,metadata.name=a`],
  ['GET', `${PODS}?fieldSelector=metadata.name=b&limit=x`],
] as const

// What kube-apiserver takes in one meaning, with what of it is judged.
const UNUSUAL_TARGETS = [
  ['GET', '/api/v1/namespaces/dev/secrets/', { verb: 'list', resource: 'secrets' }],
  ['DELETE', '/api/v1/namespaces/dev/pods//', { verb: 'deletecollection', namespace: 'dev' }],
  ['GET', '/api/v1/watch/namespaces/dev/secrets', { verb: 'watch', resource: 'secrets' }],
  ['GET', '/api/v1/proxy/namespaces/dev/pods/p/exec', { verb: 'proxy', name: 'p' }],
  ['POST', '/api/v1/namespaces/dev/pods/p/exec/', { verb: 'create', subresource: 'exec' }],
  ['OPTIONS', PODS, { verb: '*', resource: 'pods' }],
  ['TRACE', PODS, { verb: '*' }],
  ['PROPFIND', PODS, { verb: '*' }],
  ['GET', `${PODS}?watch=0&watch=1`, { verb: 'list' }],
  ['GET', `${PODS}?_=17&1=2&??x`, { verb: 'list' }],
  ['GET', '/api/v1/namespaces/dev/services/w/proxy/a%2Fb//;c', { subresource: 'proxy' }],
] as const

test.each(UNUSUAL_TARGETS)('judge() asks about %s %s', async (method, target, attributes) => {
  expect(await send(head(`${method} ${target}`))).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
  expect(fixture.controlPlane.questions).toHaveLength(1)
  expect(fixture.controlPlane.questions[0]).toMatchObject({ refusedBecause: '', attributes })
})

describe('judge() refuses, on record,', () => {
  test.each(HOSTILE_TARGETS)('%s %s', async (method, target) => {
    const answer = await send(head(`${method} ${target}`))
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(bodyOf(answer)).toMatchObject({
      kind: 'Status',
      code: 400,
      reason: 'BadRequest',
      message: expect.stringMatching(/\[decision decision-\d+\]$/),
    })
    expect(fixture.api.requests).toEqual([])
    expect(fixture.controlPlane.questions).toHaveLength(1)
    expect(fixture.controlPlane.questions[0]).toMatchObject({
      container: 'app',
      refusedBecause: expect.stringMatching(/\w/),
    })
    expect(fixture.controlPlane.questions[0]?.attributes?.path).not.toContain('?')
    expect(fixture.controlPlane.questions[0]?.refusedBecause.length).toBeLessThanOrEqual(512)
  })

  test.each([
    ['a second Authorization', head(`GET ${PODS}`, ['Authorization: Bearer other']), 400],
    [
      'a second Content-Type',
      head(`POST ${PODS}`, ['Content-Type: a/b', 'content-type: c/d']),
      400,
    ],
    ['an unknown expectation', head(`POST ${PODS}`, ['Expect: more', 'Content-Length: 0']), 400],
    ['an identity', head(`GET ${PODS}`, ['X-Remote-User: root']), 400],
    ['a hidden header', head(`GET ${PODS}`, ['Connection: If-Match', 'If-Match: x']), 400],
    ['a body that is too long', head(`POST ${PODS}`, ['Content-Length: 4097']), 413],
  ] as const)('%s', async (_name, bytes, httpStatus) => {
    const answer = await send(bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${httpStatus} `))
    expect(bodyOf(answer)).toMatchObject({ kind: 'Status', code: httpStatus })
    expect(fixture.api.requests).toEqual([])
    expect(fixture.controlPlane.questions[0]?.refusedBecause).not.toBe('')
  })
})

test.each([
  ['space before the colon', 'Authorization : Bearer x'],
  ['an obsolete line fold', 'X-A: b\r\n c'],
  ['a bare line feed', 'X-A: b\nX-C: d'],
  ['two lengths', 'Content-Length: 1\r\nContent-Length: 2'],
  ['length and chunks', 'Content-Length: 1\r\nTransfer-Encoding: chunked'],
  ['chunks that are not last', 'Transfer-Encoding: chunked, identity'],
  ['a null byte', 'X-A: \0'],
  ['a head that is too long', `X-A: ${'b'.repeat(1_100_000)}`],
])('startServer() answers 400 to %s and sends nothing on', async (_name, header) => {
  const answer = await send(head(`POST ${PODS}`, [header]))
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  expect(bodyOf(answer)).toMatchObject({ kind: 'Status', code: 400 })
  expect(fixture.api.requests).toEqual([])
})

test.each([
  ['a body on GET', `${head(`GET ${PODS}`, ['Content-Length: 2'])}{}`],
  ['many headers', head(`GET ${PODS}`, Array(1_200).fill('X-A: b'))],
  ['a compressed body', head(`POST ${PODS}`, ['Content-Encoding: gzip', 'Content-Length: 0'])],
  ['an identity encoding', head(`GET ${PODS}`, ['Content-Encoding: identity'])],
  ['a type twice', head(`GET ${PODS}`, ['Content-Type: a/b', 'Content-Type: a/b'])],
  ['a cookie of 60 kB', head(`GET ${PODS}`, [`Cookie: c=${'a'.repeat(60_000)}`])],
  ['a long command', head(`POST ${PODS}/p/exec?command=${'%20'.repeat(300_000)}`)],
  ['HTTP/1.0', head(`GET ${PODS}`).replace('HTTP/1.1', 'HTTP/1.0')],
  ['a small scheme', head(`GET ${PODS}`).replace('Bearer', 'bearer')],
])('judge() asks about a request with %s', async (_name, bytes) => {
  expect(await send(bytes)).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
  expect(fixture.controlPlane.questions).toHaveLength(1)
  expect(fixture.controlPlane.questions[0]?.refusedBecause).toBe('')
})

test.each([
  ['a user', ['Impersonate-User: tenant'], { username: 'tenant' }, ''],
  ['groups', ['impersonate-user: t', 'Impersonate-Group: a'], { groups: ['a'] }, ''],
  [
    'a header of tomorrow',
    ['Impersonate-Foo: x'],
    { username: '' },
    'impersonate-foo is not known',
  ],
  ['an underscore', ['Impersonate_User: x'], { username: '' }, 'impersonate_user is not known'],
])('authorize() asks about an impersonation of %s', async (_name, headers, user, problem) => {
  expect(await send(head(`GET ${PODS}`, headers))).toMatch(/^HTTP\/1\.1 403 /)
  expect(fixture.controlPlane.questions[0]?.impersonation).toMatchObject({ user, problem })
})

test('authorize() takes an allow that knows nothing of the impersonation for a refusal', async () => {
  const answer = (impersonationJudged: boolean) =>
    fixture.controlPlane.decide((_request, id) => ({
      case: 'decision',
      value: { decisionId: id, effect: 2, impersonationJudged },
    }))
  const request = head(`GET ${PODS}`, ['Impersonate-User: tenant', 'Impersonate-Group: a'])
  answer(false)
  expect(await send(request)).toMatch(/^HTTP\/1\.1 503 /)
  expect(fixture.api.requests).toEqual([])
  answer(true)
  await send(request)
  expect(fixture.api.requests[0]?.headers).toMatchObject({
    'impersonate-user': 'tenant',
    'impersonate-group': 'a',
  })
})

describe('judge() answers 401 to', () => {
  test.each([
    ['no token', 'X: y'],
    ['a token of nobody', 'Authorization: Bearer abcdefghijklmnopqrstuvwxyz'],
    ['the real token', 'Authorization: Bearer real-token-of-the-pod'],
    ['another scheme', 'Authorization: Basic YTpi'],
    ['a subprotocol', 'Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.YTpi'],
  ])('%s', async (_name, header) => {
    const answer = await send(
      `GET ${PODS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/)
    expect(bodyOf(answer)).toMatchObject({
      kind: 'Status',
      code: 401,
      reason: 'Unauthorized',
      message: expect.stringContaining('/var/run/secrets/kubernetes.io/serviceaccount/token'),
    })
    expect(fixture.controlPlane.questions).toEqual([])
    expect(fixture.api.requests).toEqual([])
  })
})

test('judge() does not need a Host header and does not look at it', async () => {
  const rest = `Authorization: Bearer ${fixture.token}\r\nConnection: close\r\n\r\n`
  expect(await send(`GET ${PODS} HTTP/1.1\r\n${rest}`)).toMatch(/^HTTP\/1\.1 403/)
  expect(await send(`GET ${PODS} HTTP/1.1\r\nHost: evil.example\r\n${rest}`)).toMatch(
    /^HTTP\/1\.1 403/,
  )
})

test('authorize() tells a denied caller what the control plane says, as a Status', async () => {
  fixture.controlPlane.decide((_request, id) =>
    deny(id, `deployments.apps "web" is forbidden [${id}]`),
  )
  const { httpStatus, headers, text } = await fixture.call(
    '/apis/apps/v1/namespaces/team/deployments/web',
    { method: 'DELETE' },
  )
  expect(httpStatus).toBe(403)
  const id = String(headers['audit-id'])
  expect(headers['content-type']).toBe('application/json')
  expect(headers['retry-after']).toBeUndefined()
  expect(JSON.parse(text)).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `deployments.apps "web" is forbidden [${id}]`,
    reason: 'Forbidden',
    details: {
      name: 'web',
      group: 'apps',
      kind: 'deployments',
      causes: [{ reason: 'LanyardDecision', field: 'decision', message: id }],
    },
    code: 403,
  })
  expect(fixture.api.requests).toEqual([])
  const outcome = () => fixture.controlPlane.outcomes.find(({ decisionId }) => decisionId === id)
  await eventually('outcome', () => outcome() !== undefined)
  expect(outcome()).toMatchObject({ httpStatus: 403, responseBytes: BigInt(text.length) })
})

test.each([
  ['/api', true],
  ['/apis/apps/v1', true],
  [PODS, false],
])(
  'authorize() says the refusal of %s in a Warning: %s, for clients that read no Status of it',
  async (target, warns) => {
    const answer = await send(head(`GET ${target}`))
    expect(answer).toMatch(/^HTTP\/1\.1 403 /)
    expect(/\r\nwarning: 299 - "/i.test(answer)).toBe(warns)
  },
)

test('authorize() denies a write before its body is sent, and ends the connection', async () => {
  const answer = await send(
    `POST ${CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\nContent-Length: 4000\r\n\r\nabc`,
  )
  expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
  expect(answer).toMatch(/\r\nconnection: close\r\n/i)
  expect(fixture.api.requests).toEqual([])
})

test.each([
  ['forward()', CONFIG_MAPS],
  ['withBody()', PODS],
])('%s stops a chunked body that grows past the limit', async (_name, path) => {
  fixture.controlPlane.decide((_request, id) => ({
    case: 'decision',
    value: { decisionId: id, effect: 2 },
  }))
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
  const answer = await send(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(5)}0\r\n\r\n`,
  )
  expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  expect(bodyOf(answer)).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' })
})

test('the log holds no token, no query and no body', async () => {
  await send(head(`GET ${PODS}?token=query-secret`))
  await send(`${head(`POST ${PODS}`, ['Content-Length: 11'])}body-secret`)
  await send(head(`GET //x?${fixture.token}`))
  const log = fixture.logLines.join('')
  for (const secret of [
    fixture.token,
    'real-token',
    'pod-bound-token',
    'query-secret',
    'body-secret',
  ]) {
    expect(log).not.toContain(secret)
  }
})

test('the metrics count what happened, by names of the convention', async () => {
  await fixture.call(PODS)
  const text = await fixture.metrics()
  for (const name of [
    'lanyard_sidecar_requests_total{result="denied"}',
    'lanyard_sidecar_faults_total{code="request_invalid"}',
    'lanyard_sidecar_decision_duration_seconds_bucket',
    'lanyard_sidecar_open_requests',
    'lanyard_sidecar_control_plane_connected 1',
    'lanyard_sidecar_enrolments_total{result="ok"} 1',
    'lanyard_sidecar_malformed_requests_total',
    'lanyard_build_info',
  ]) {
    expect(text).toContain(name)
  }
})
