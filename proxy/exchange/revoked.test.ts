import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseRequestInfo } from '../../core/kubernetes/request-info.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createSidecarMetrics } from '../../sidecar/sidecar-metrics.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import type { OutcomeReport } from '../judgement/authorizer.ts'
import { forward } from './forward.ts'
import { relayTunnel } from './relay-tunnel.ts'

/* A revocation can come so close behind its decision that it is there before the request is sent. */

const EXEC = '/api/v1/namespaces/team/pods/p/exec?command=id'

function aPermit(incoming: IncomingMessage, protocol: string): Permit {
  const method = incoming.method ?? ''
  const request = {
    caller: { kind: 'container', container: 'app' },
    method,
    info: parseRequestInfo(method, incoming.url ?? '', undefined),
    userAgent: '',
    protocol,
    hasBody: false,
    expectsContinue: false,
  }
  return { effect: 'allow', decisionId: 'd', warning: '', request } as unknown as Permit
}

const sent: string[] = []
const outcomes: OutcomeReport[] = []
const deps = {
  metrics: createSidecarMetrics(createMetrics('test', '0')),
  logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
  authorizer: {
    onRevoked: (_id: string, cut: (why: string) => void) => cut('no longer'),
    report: (outcome: OutcomeReport) => outcomes.push(outcome),
  },
  credentials: { headersFor: () => ['authorization', 'Bearer token'] },
  upstream: {
    dispatch: ({ path }: { path: string }) => sent.push(path),
    openTunnel: ({ path }: { path: string }) => sent.push(path),
  },
  memory: { isTight: () => false, whenRoomy: (go: () => void) => go(), setOpen: () => undefined },
  upstreamHeadersTimeoutMs: 1_000,
} as unknown as ProxyDeps

const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
  forward(deps, aPermit(incoming, ''), incoming, outgoing)
})
server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
  relayTunnel(deps, aPermit(incoming, 'websocket'), incoming, socket, head)
})
beforeEach(() => {
  outcomes.length = 0
  return new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
})
afterEach(() => void server.close())

test.each([
  ['forward()', '/api/v1/pods?watch=1', {}],
  ['relayTunnel()', EXEC, { connection: 'Upgrade', upgrade: 'websocket' }],
])('%s sends nothing when what allowed it is revoked already', async (_name, path, headers) => {
  const { port } = server.address() as AddressInfo
  const ended = new Promise<string>((resolve) => {
    const outgoing = request({ port, host: '127.0.0.1', path, headers, agent: false })
    outgoing.on('error', (error) => resolve(error.message))
    outgoing.end()
  })
  expect(await ended).toMatch(/hang up|ECONNRESET/)
  expect(sent).toEqual([])
  expect(outcomes).toEqual([
    { decisionId: 'd', httpStatus: 0, fault: 'permission_denied', responseBytes: 0n },
  ])
})
