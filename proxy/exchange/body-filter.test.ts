import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseRequestInfo } from '../../core/kubernetes/request-info.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createSidecarMetrics } from '../../sidecar/sidecar-metrics.ts'
import { startCallerServer } from '../../test/support/caller-server.ts'
import { failingFilter, markingFilter } from '../../test/support/marking-filter.ts'
import { createTestAuthority } from '../../test/support/test-certificates.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import { createUpstream } from '../upstream/upstream.ts'
import type { BodyFilter } from './body-filter.ts'
import { forward } from './forward.ts'
import { relayTunnel } from './relay-tunnel.ts'

/* Whatever way its bytes go, a filter sees each of them, and what it does not write nobody gets. */

const PODS = '/api/v1/namespaces/team/pods'
const EXEC = '/api/v1/namespaces/team/pods/p/exec?command=id'
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

let openFilter: () => BodyFilter | undefined = markingFilter
const outcomes: unknown[] = []
let judged: Buffer | undefined

const authority = await createTestAuthority('API server')
const { certificatePem: cert, privateKeyPem: key } = await authority.issueServer()
const apiServer = createServer({ cert, key }, (incoming, outgoing) => {
  void text(incoming).then((body) => outgoing.end(`heard ${body || 'nothing'}`))
})
apiServer.on('upgrade', (incoming: IncomingMessage, socket: Duplex) => {
  if (incoming.url?.includes('missing') === true) {
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone')
    return
  }
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi,',
  )
  socket.on('data', (chunk: Buffer) => socket.write(`echo ${chunk}`))
  socket.on('end', () => socket.end())
})

let upstream: ReturnType<typeof createUpstream>
let running: Awaited<ReturnType<typeof startCallerServer>>
const logger = createLogger({ name: 'test', level: 'error' }, { write: () => undefined })
const deps = {
  metrics: createSidecarMetrics(createMetrics('test', '0')),
  logger,
  authorizer: { onRevoked: () => undefined, report: (outcome: unknown) => outcomes.push(outcome) },
  credentials: { headersFor: () => ['authorization', 'Bearer token'] },
  upstream: {
    dispatch: (...asked: Parameters<typeof upstream.dispatch>) => upstream.dispatch(...asked),
    openTunnel: (options: Parameters<typeof upstream.openTunnel>[0]) =>
      upstream.openTunnel(options),
  },
  openFilter: () => openFilter(),
  memory: { isTight: () => false },
  requestBodyBytesMax: 1_000,
  upstreamHeadersTimeoutMs: 5_000,
} as unknown as ProxyDeps

function aPermit(asked: CallerRequest, protocol: string): Permit {
  const { method, target } = asked
  const request = {
    ...{ caller: { kind: 'container', container: 'app' }, method, userAgent: '', protocol },
    info: parseRequestInfo(method, target, undefined),
    hasBody: !asked.complete,
    expectsContinue: false,
    ...(judged === undefined ? {} : { body: { bytes: judged } }),
  }
  return {
    effect: 'allow',
    decisionId: 'd',
    warning: '',
    record: 'none',
    request,
  } as unknown as Permit
}

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    apiServer.listen(0, '127.0.0.1', resolve)
  })
  const { port } = apiServer.address() as AddressInfo
  upstream = createUpstream({
    origin: new URL(`https://127.0.0.1:${port}`),
    ...{ caPem: authority.certificatePem, caFile: '', shares: true, fileCheckMs: 1_000, logger },
  })
  running = await startCallerServer((served) => {
    const { request, answer } = served
    const protocol = request.header('upgrade') ?? ''
    if (protocol === '') forward(deps, aPermit(request, ''), request, answer)
    else relayTunnel(deps, aPermit(request, protocol), served)
  })
})
afterAll(async () => {
  await upstream.close()
  apiServer.close()
  running.server.close()
})
beforeEach(() => {
  outcomes.length = 0
  judged = undefined
  openFilter = markingFilter
})

function send(method: string, body?: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${running.port}${PODS}`, { method, ...(body && { body }) })
}

/** Sends an upgrade and what follows it; resolves with all that comes until `last`. */
function upgrade(target: string, last: string, then = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(running.port, '127.0.0.1')
    let heard = ''
    socket.on('error', reject)
    socket.on('close', () => resolve(heard))
    socket.on('data', (chunk: Buffer) => {
      if (heard === '' && then !== '') socket.write(then)
      heard += chunk
      if (heard.includes(last)) socket.end()
    })
    socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`)
  })
}

test('a filter sees the bodies of a request and of its answer', async () => {
  const answer = await send('POST', 'body')
  expect(await answer.text()).toBe('<heard >body')
  expect(answer.headers.get('content-length')).toBeNull()
  await expect.poll(() => outcomes).toMatchObject([{ httpStatus: 200, fault: '' }])
})

test('a filter sees a body that was read to be judged', async () => {
  judged = Buffer.from('judged')
  expect(await (await send('POST', 'body')).text()).toBe('<heard >judged')
})

test('a filter sees both ways of a tunnel, what came with the head too', async () => {
  const heard = await upgrade(EXEC, 'echo', 'ls')
  expect(heard.split('\r\n\r\n')[1]).toMatch(/^<hi,<echo >ls$/)
})

test('a filter sees an answer that is no upgrade', async () => {
  const heard = await upgrade(EXEC.replace('/p/', '/missing/'), 'gone')
  expect(heard).toMatch(/^HTTP\/1.1 404/)
  expect(heard).toContain('<gone')
})

test('what a filter cannot read nobody gets, and the report says so', async () => {
  openFilter = failingFilter
  const heard = await send('GET')
    .then((answer) => answer.text())
    .catch(() => 'cut')
  expect(heard).toBe('cut')
  expect((await upgrade(EXEC, 'never')).split('\r\n\r\n')[1]).toBe('')
  await expect
    .poll(() => outcomes)
    .toMatchObject([{ fault: 'internal' }, { fault: 'internal', httpStatus: 101 }])
})

test('without a filter bytes pass as they are', async () => {
  openFilter = () => undefined
  const answer = await send('POST', 'body')
  expect(await answer.text()).toBe('heard body')
})
