import type { FaultCode } from '../core/fault.ts'
import type { Counter, Gauge, Histogram } from '../platform/metrics.ts'

/** What a proxy counts about requests; the process that serves them names the metrics. */
export interface ProxyMetrics {
  readonly requests: Counter<'result'>
  readonly faults: Counter<'code'>
  readonly decisionSeconds: Histogram
  readonly upstreamSeconds: Histogram
  readonly openRequests: Gauge
  readonly openTunnels: Gauge
  /** Refused requests that could not be put on record. */
  readonly unrecorded: Counter
  /** Values that were hidden in answers. */
  readonly maskedValues: Counter<'mask'>
  /** Connections closed because what came was not HTTP. */
  readonly malformed: Counter
}

/** Counts one request that failed with a fault. */
export function countFault(metrics: ProxyMetrics, code: FaultCode): void {
  metrics.faults.inc({ code })
  metrics.requests.inc({ result: 'failed' })
}
