import type { Counter, Histogram, Metrics } from '../platform/metrics.ts'

export interface ControlPlaneMetrics {
  readonly decisions: Counter<'effect'>
  readonly decisionDuration: Histogram<never>
}

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
  }
}
