import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import type { Logger } from '../../platform/logger.ts'
import type { ControlPlaneMetrics } from '../control-plane-metrics.ts'
import type { LiveRecordings } from '../services/live-recordings.ts'
import type { Session, Sessions } from '../sessions.ts'
import type { AuditEventStore } from '../store/audit-event-store.ts'
import type { Decider, RecordedDecision } from './decide.ts'
import type { DecisionWatch } from './decision-watch.ts'

/** What answering sidecars takes. */
export interface AuthorizationDeps {
  readonly decider: Omit<Decider, 'refuseLine'>
  readonly sessions: Sessions
  readonly auditEvents: AuditEventStore
  readonly decisionWatch: DecisionWatch
  /** Sessions that end when their decision no longer holds. */
  readonly live: Pick<LiveRecordings, 'revoke'>
  readonly logger: Logger
  readonly metrics: ControlPlaneMetrics
  readonly now: () => number
}

/** Decides with measurements around it. */
export async function decideMeasured(
  deps: Pick<AuthorizationDeps, 'decider' | 'metrics'>,
  session: Session,
  question: Question,
  sentAs = '',
): Promise<RecordedDecision> {
  const began = performance.now()
  try {
    const decision = await deps.decider.decide(session.binding, question, sentAs)
    deps.metrics.decisions.inc({ effect: decision.effect })
    return decision
  } catch (error) {
    deps.metrics.decisions.inc({ effect: 'fault' })
    throw Fault.from(error)
  } finally {
    deps.metrics.decisionDuration.observe((performance.now() - began) / 1_000)
  }
}
