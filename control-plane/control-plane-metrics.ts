import type { Counter, Histogram, Metrics } from '../platform/metrics.ts'
import type { StartedApprovals } from './approvals/start-approvals.ts'
import type { PodEnds } from './chains/pod-ends.ts'
import type { DecisionWatch } from './decisions/decision-watch.ts'
import type { Store } from './store/store.ts'

export interface ControlPlaneMetrics {
  readonly decisions: Counter<'effect'>
  readonly decisionDuration: Histogram<never>
  readonly transactions: Counter<'result'>
  readonly transactionDuration: Histogram<never>
  readonly accessApiRequests: Counter<'code'>
  readonly removedDecisions: Counter<'reason'>
  readonly recordedBytes: Counter<never>
  readonly refusedRecordings: Counter<'code'>
  readonly notifications: Counter<'result'>
}

/** Registers what the control plane counts. Names follow the conventions of Prometheus. */
export function createControlPlaneMetrics(metrics: Metrics): ControlPlaneMetrics {
  return {
    decisions: metrics.counter(
      'lanyard_decisions_total',
      'Decisions that were answered; "fault" counts questions that could not be.',
      ['effect'],
    ),
    decisionDuration: metrics.seconds(
      'lanyard_decision_duration_seconds',
      'Time from a question to its durable answer.',
    ),
    transactions: metrics.counter(
      'lanyard_store_transactions_total',
      'Transactions of the store; one holds the writes of all who came since the last.',
      ['result'],
    ),
    transactionDuration: metrics.seconds(
      'lanyard_store_transaction_duration_seconds',
      'Time of one transaction, until it is on disk.',
    ),
    accessApiRequests: metrics.counter(
      'lanyard_access_api_requests_total',
      'Requests of people to the aggregated API, by HTTP status.',
      ['code'],
    ),
    recordedBytes: metrics.counter(
      'lanyard_recorded_bytes_total',
      'Bytes of sessions that were recorded, before they are compressed.',
    ),
    refusedRecordings: metrics.counter(
      'lanyard_refused_recordings_total',
      'Sessions that could not begin to be recorded, by fault.',
      ['code'],
    ),
    notifications: metrics.counter(
      'lanyard_notifications_total',
      'Notices to webhooks that came to an end: delivered, or dead.',
      ['result'],
    ),
    removedDecisions: metrics.counter(
      'lanyard_removed_decisions_total',
      'Decisions that were removed, by reason: age, size or space.',
      ['reason'],
    ),
  }
}

/** What is measured at each scrape. */
export interface MeasuredState {
  readonly store: Pick<Store, 'size' | 'bindings' | 'recordings'>
  readonly decisionWatch: Pick<DecisionWatch, 'size'>
  readonly podEnds: Pick<PodEnds, 'isKnown' | 'count'>
  readonly approvals: Pick<StartedApprovals, 'brokenGlass' | 'pending'>
  readonly freeBytes: () => number
}

/** Registers what is asked for at each scrape: what is open, and which pods have ended. */
export function measureState(metrics: Metrics, state: MeasuredState): void {
  metrics.measured(
    'lanyard_open_decisions',
    'Allowed requests that have not ended, as far as sidecars have said.',
    () => state.decisionWatch.size(),
  )
  metrics.measured(
    'lanyard_pending_access_requests',
    'Held requests that wait for an approval.',
    () => state.approvals.pending(),
  )
  metrics.counted(
    'lanyard_break_glass_grants_total',
    'Requests that a requester has approved for themself since the process started.',
    () => state.approvals.brokenGlass(),
  )
  metrics.measured(
    'lanyard_store_bytes',
    'Size of the database, with its log.',
    () => state.store.size().bytes + state.store.size().logBytes,
  )
  metrics.measured(
    'lanyard_store_reusable_bytes',
    'Bytes in the database of what was removed, for what comes.',
    () => state.store.size().reusableBytes,
  )
  metrics.measured(
    'lanyard_store_volume_free_bytes',
    'Free bytes of the volume of the database.',
    state.freeBytes,
  )
  metrics.measured(
    'lanyard_open_recordings',
    'Sessions that are being recorded.',
    () => state.store.recordings.size().open,
  )
  metrics.measured(
    'lanyard_recording_bytes',
    'Bytes of all recordings on the volume.',
    () => state.store.recordings.size().bytes,
  )
  metrics.measured(
    'lanyard_running_chains',
    'Chains of pods that have enrolled and have not ended, as far as is on record.',
    () => state.store.bindings.countRunning(),
  )
  metrics.counted(
    'lanyard_ended_pods_total',
    'Pods on record that were seen to have ended since the process started.',
    () => state.podEnds.count,
  )
  metrics.measured(
    'lanyard_pod_watch_synced',
    '1 while it is known which pods run, 0 while the end of one could be missed.',
    () => (state.podEnds.isKnown() ? 1 : 0),
  )
}
