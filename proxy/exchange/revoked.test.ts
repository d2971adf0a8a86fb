import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseRequestInfo } from '../../core/kubernetes/request-info.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createSidecarMetrics } from '../../sidecar/sidecar-metrics.ts'
import { startCallerServer } from '../../test/support/caller-server.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import type { OutcomeReport, Revoked } from '../judgement/authorizer.ts'
import { forward } from './forward.ts'
import { relayTunnel } from './relay-tunnel.ts'

/* A revocation can come so close behind its decision that it is there before the request is sent. */

const EXEC = '/api/v1/namespaces/team/pods/p/exec?command=id'

function aPermit({ method, target }: CallerRequest, protocol: string): Permit {
  const request = {
    caller: { kind: 'container', container: 'app' },
    method,
    info: parseRequestInfo(method, target, undefined),
    userAgent: '',
    protocol,
    hasBody: false,
    expectsContinue: false,
  }
  return {
    effect: 'allow',
    decisionId: 'd',
    warning: '',
    record: 'none',
    request,
  } as unknown as Permit
}

const sent: string[] = []
const outcomes: OutcomeReport[] = []
const deps = {
  metrics: createSidecarMetrics(createMetrics('test', '0')),
  logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
  authorizer: {
    onRevoked: (_id: string, cut: (revoked: Revoked) => void) =>
      cut({ code: 'permission_denied', message: 'no longer' }),
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

let running: Awaited<ReturnType<typeof startCallerServer>>
beforeAll(async () => {
  running = await startCallerServer((served) => {
    const { request, answer } = served
    const protocol = request.header('upgrade') ?? ''
    if (protocol === '') forward(deps, aPermit(request, ''), request, answer)
    else relayTunnel(deps, aPermit(request, protocol), served)
  })
})
afterAll(() => void running.server.close())

test.each([
  ['forward()', '/api/v1/pods?watch=1', {}],
  ['relayTunnel()', EXEC, { connection: 'Upgrade', upgrade: 'websocket' }],
])('%s sends nothing when what allowed it is revoked already', async (_name, path, headers) => {
  outcomes.length = 0
  const { port } = running
  const answer = await new Promise<string>((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', path, headers, agent: false })
    outgoing.on('response', (response) => resolve(text(response)))
    outgoing.on('error', reject)
    outgoing.end()
  })
  const message = 'What allowed this request no longer does: no longer; the request was not sent'
  expect(JSON.parse(answer)).toMatchObject({ code: 403, message: `${message} [decision d]` })
  expect(sent).toEqual([])
  await expect
    .poll(() => outcomes)
    .toEqual([
      {
        decisionId: 'd',
        httpStatus: 403,
        fault: 'permission_denied',
        responseBytes: BigInt(answer.length),
      },
    ])
})
