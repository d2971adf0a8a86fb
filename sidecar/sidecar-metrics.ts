import type { FaultCode } from '../core/fault.ts'
import type { Counter, Gauge, Histogram, Metrics } from '../platform/metrics.ts'

export interface SidecarMetrics {
  readonly requests: Counter<'result'>
  readonly faults: Counter<'code'>
  readonly decisionSeconds: Histogram
  readonly upstreamSeconds: Histogram
  readonly openRequests: Gauge
  readonly openTunnels: Gauge
  readonly connected: Gauge
  readonly enrolments: Counter<'result'>
  readonly revocations: Counter
  readonly unrecorded: Counter
  readonly malformed: Counter
}

/** The sidecar's own metrics; labels come from short fixed lists. */
export function createSidecarMetrics(metrics: Metrics): SidecarMetrics {
  return {
    requests: metrics.counter('lanyard_sidecar_requests_total', 'Requests by result.', ['result']),
    faults: metrics.counter(
      'lanyard_sidecar_faults_total',
      'Requests that could not be served, by fault.',
      ['code'],
    ),
    decisionSeconds: metrics.seconds(
      'lanyard_sidecar_decision_duration_seconds',
      'Time until the control plane had decided.',
    ),
    upstreamSeconds: metrics.seconds(
      'lanyard_sidecar_upstream_duration_seconds',
      'Time until the API server began to answer.',
    ),
    openRequests: metrics.gauge('lanyard_sidecar_open_requests', 'Requests that have not ended.'),
    openTunnels: metrics.gauge(
      'lanyard_sidecar_open_tunnels',
      'Open exec, attach and port-forward connections.',
    ),
    connected: metrics.gauge(
      'lanyard_sidecar_control_plane_connected',
      '1 while decisions can be asked for.',
    ),
    enrolments: metrics.counter('lanyard_sidecar_enrolments_total', 'Enrolments by result.', [
      'result',
    ]),
    revocations: metrics.counter(
      'lanyard_sidecar_revocations_total',
      'Decisions that the control plane took back.',
    ),
    unrecorded: metrics.counter(
      'lanyard_sidecar_unrecorded_refusals_total',
      'Refused requests that the control plane could not put on record.',
    ),
    malformed: metrics.counter(
      'lanyard_sidecar_malformed_requests_total',
      'Connections closed because what came was not HTTP.',
    ),
  }
}

/** Counts one request that failed with a fault. */
export function countFault(metrics: SidecarMetrics, code: FaultCode): void {
  metrics.faults.inc({ code })
  metrics.requests.inc({ result: 'failed' })
}
