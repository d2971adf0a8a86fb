import type { Metadata } from '@grpc/grpc-js'
import { Fault } from '../../core/fault.ts'
import type { AuthorizationService } from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { GrpcHandlers } from '../../proto/grpc-service.ts'
import type { AuthorizationDeps } from '../decisions/decide-measured.ts'
import {
  decisionToMessage,
  outcomeFromMessage,
  questionFromMessage,
} from './authorization-message.ts'
import { createAuthorizeStream } from './authorize-stream.ts'
import { createChainReview } from './chain-review.ts'
import { bearerToken, unary } from './grpc-fault.ts'
import { decideQuestion } from './sent-ahead.ts'

/** Answers sidecars, one by one or over their long-lived streams. */
export function createAuthorizationService(
  deps: AuthorizationDeps,
): GrpcHandlers<typeof AuthorizationService> {
  const { sessions, logger } = deps
  const sessionOf = (metadata: Metadata) => sessions.find(bearerToken(metadata))
  const review = createChainReview(deps)
  return {
    authorize: unary(logger, async (message, metadata) => {
      const session = sessionOf(metadata)
      const question = questionFromMessage(message)
      return decisionToMessage(await decideQuestion(deps, session, question, message.decisionId))
    }),
    reportOutcome: unary(logger, async ({ outcome }, metadata) => {
      const { podUid } = sessionOf(metadata).binding
      if (outcome === undefined) throw new Fault('request_invalid', 'The message has no outcome')
      const { decisionId } = outcome
      await deps.auditEvents.complete(podUid, decisionId, outcomeFromMessage(outcome, deps.now()))
      return {}
    }),
    authorizeStream: createAuthorizeStream(deps),
    reviewChain: unary(logger, async ({ questions }, metadata) => {
      return { prospects: await review(sessionOf(metadata), questions) }
    }),
  }
}
