import type { Metadata } from '@grpc/grpc-js'
import { Fault } from '../../core/fault.ts'
import type { Logger } from '../../platform/logger.ts'
import type { AuthorizationService } from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { GrpcHandlers } from '../../proto/grpc-service.ts'
import type { ControlPlaneMetrics } from '../control-plane-metrics.ts'
import type { Answer, Decider, Question } from '../decide.ts'
import type { Session, Sessions } from '../sessions.ts'
import type { AuditEventStore } from '../store/audit-event-store.ts'
import {
  answerToMessage,
  outcomeFromMessage,
  questionFromMessage,
} from './authorization-message.ts'
import { createAuthorizeStream } from './authorize-stream.ts'
import { bearerToken, unary } from './grpc-fault.ts'
import type { OpenDecisions } from './open-decisions.ts'

export interface AuthorizationDeps {
  readonly decider: Decider
  readonly sessions: Sessions
  readonly auditEvents: AuditEventStore
  readonly openDecisions: OpenDecisions
  readonly logger: Logger
  readonly metrics: ControlPlaneMetrics
  readonly now: () => number
}

/** Decides with measurements around it. */
export async function decideMeasured(
  deps: Pick<AuthorizationDeps, 'decider' | 'metrics'>,
  session: Session,
  question: Question,
): Promise<Answer> {
  const began = performance.now()
  try {
    const answer = await deps.decider.decide(session.binding, question)
    deps.metrics.decisions.inc({ effect: answer.effect })
    return answer
  } catch (error) {
    deps.metrics.decisions.inc({ effect: 'fault' })
    throw Fault.from(error)
  } finally {
    deps.metrics.decisionDuration.observe((performance.now() - began) / 1_000)
  }
}

/** Answers sidecars, one by one or over their long-lived streams. */
export function createAuthorizationService(
  deps: AuthorizationDeps,
): GrpcHandlers<typeof AuthorizationService> {
  const { sessions, logger } = deps
  const sessionOf = (metadata: Metadata) => sessions.find(bearerToken(metadata))
  return {
    authorize: unary(logger, async (message, metadata) => {
      const session = sessionOf(metadata)
      return answerToMessage(await decideMeasured(deps, session, questionFromMessage(message)))
    }),
    reportOutcome: unary(logger, async ({ outcome }, metadata) => {
      sessionOf(metadata)
      if (outcome === undefined) throw new Fault('request_invalid', 'The message has no outcome')
      await deps.auditEvents.complete(outcome.decisionId, outcomeFromMessage(outcome, deps.now()))
      return {}
    }),
    authorizeStream: createAuthorizeStream(deps),
  }
}
