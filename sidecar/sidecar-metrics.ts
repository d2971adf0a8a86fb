import type { Counter, Gauge, Metrics } from '../platform/metrics.ts'
import type { ProxyMetrics } from '../proxy/metrics.ts'

/** What the sidecar counts: requests, and how things stand with the control plane. */
export interface SidecarMetrics extends ProxyMetrics {
  readonly connected: Gauge
  readonly enrolments: Counter<'result'>
  readonly revocations: Counter
  readonly readsAhead: Counter<'result'>
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
    readsAhead: metrics.counter(
      'lanyard_sidecar_reads_ahead_total',
      'Reads that were sent ahead of their decision, by what it was.',
      ['result'],
    ),
    unrecorded: metrics.counter(
      'lanyard_sidecar_unrecorded_refusals_total',
      'Refused requests that the control plane could not put on record.',
    ),
    maskedValues: metrics.counter(
      'lanyard_sidecar_masked_values_total',
      'Values that were hidden in answers, by mask.',
      ['mask'],
    ),
    malformed: metrics.counter(
      'lanyard_sidecar_malformed_requests_total',
      'Connections closed because what came was not HTTP.',
    ),
  }
}
