import type { Counter, Histogram, Metrics } from '../platform/metrics.ts'

export interface ControlPlaneMetrics {
  readonly decisions: Counter<'effect'>
  readonly decisionDuration: Histogram<never>
  readonly transactions: Counter<'result'>
  readonly transactionDuration: Histogram<never>
  readonly accessApiRequests: Counter<'code'>
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
  }
}

/** Registers the gauge of open decisions; `size` is asked at each scrape. */
export function measureWatchedDecisions(metrics: Metrics, size: () => number): void {
  metrics.measured(
    'lanyard_open_decisions',
    'Allowed requests that have not ended, as far as sidecars have said.',
    size,
  )
}
