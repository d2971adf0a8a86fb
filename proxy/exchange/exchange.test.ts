import { beforeEach, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createSidecarMetrics } from '../../sidecar/sidecar-metrics.ts'
import type { Permit } from '../judgement/authorize.ts'
import type { Revoked } from '../judgement/authorizer.ts'
import { Exchange, type ExchangeDeps } from './exchange.ts'

const reports: unknown[] = []
let revoke: ((revoked: Revoked) => void) | undefined
beforeEach(() => {
  reports.length = 0
})

function anExchange(): Exchange {
  const deps = {
    metrics: createSidecarMetrics(createMetrics('test', '0')),
    logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
    authorizer: {
      report: (outcome: unknown) => reports.push(outcome),
      onRevoked: (_id: string, cut: (revoked: Revoked) => void) => {
        revoke = cut
      },
    },
  } as unknown as ExchangeDeps
  return new Exchange(deps, { decisionId: 'd' } as Permit)
}

const fault = new Fault('upstream_failed', 'broken')

test.each<[string, (exchange: Exchange) => void, object]>([
  ['before an answer', () => undefined, { httpStatus: 0, fault: '', responseBytes: 0n }],
  [
    'after an answer',
    (exchange) => {
      exchange.began(200)
      exchange.passed(3)
      exchange.passed(4)
    },
    { httpStatus: 200, fault: '', responseBytes: 7n },
  ],
  [
    'with a fault',
    (exchange) => {
      exchange.failed(fault, 'text')
      exchange.began(502)
    },
    { httpStatus: 502, fault: 'upstream_failed', responseBytes: 0n },
  ],
  [
    'without what was discarded',
    (exchange) => {
      exchange.passed(100)
      exchange.discarded()
      exchange.passed(1)
    },
    { httpStatus: 0, fault: '', responseBytes: 1n },
  ],
])('finish() reports once, %s', (_name, live, outcome) => {
  const exchange = anExchange()
  live(exchange)
  expect(exchange.isOver).toBe(false)
  expect([exchange.finish(), exchange.finish()]).toEqual([true, false])
  expect(reports).toEqual([{ decisionId: 'd', ...outcome }])
  expect(exchange.isOver).toBe(true)
})

test.each(['permission_denied', 'decision_unavailable'] as const)(
  'onRevoked() cuts, and the report says why: %s',
  (code) => {
    const exchange = anExchange()
    exchange.began(101)
    exchange.onRevoked(() => void exchange.finish())
    revoke?.({ code, message: 'no longer' })
    expect(reports).toMatchObject([{ httpStatus: 101, fault: code }])
  },
)

test('began() after the end does not begin again', () => {
  const exchange = anExchange()
  exchange.finish()
  exchange.began(200)
  expect(exchange.isOver).toBe(true)
})
