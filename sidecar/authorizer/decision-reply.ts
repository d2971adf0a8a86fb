import { Fault, type FaultCode } from '../../core/fault.ts'
import { isFree, NO_OBLIGATIONS, type Obligations } from '../../core/policy/obligations.ts'
import { relayedFault } from '../../proto/fault-status.ts'
import {
  type AuthorizeResponse,
  type AuthorizeStreamResponse,
  Effect,
  type Failure,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { obligationsFromMessage } from '../../proto/question-message.ts'
import type { DecisionReply } from '../../proxy/judgement/authorizer.ts'
import { ToldProfiles } from './told-profiles.ts'

/** It goes into a header and a log line, so it is checked like any other input. */
const DECISION_ID = /^[A-Za-z0-9-]{1,64}$/

const UNREADABLE = 'Cannot read the decision of the control plane, so the request is refused'

const NO_KEY = new Uint8Array()

/** Where the control plane does not say when to ask again, and the longest that it may say. */
const HOLD_RETRY_SECONDS = { usual: 15, max: 3_600 }

/**
 * Parses a reply. Throws `decision_unavailable` for whatever is not plainly one of them, so that no
 * message of another version, or of nobody, can be taken for an allow. `told` has the MaskProfiles that came before.
 */
export function parseDecisionReply(
  response: AuthorizeResponse,
  told = new ToldProfiles(),
): DecisionReply {
  const { decisionId: id, message, warning, impersonationJudged } = response
  if (!DECISION_ID.test(id)) throw new Fault('decision_unavailable', UNREADABLE)
  const obligations = obligationsOf(response)
  const profiles = told.take(response.obligations?.profiles ?? [], obligations.mask)
  const maskKey = response.obligations?.maskKey ?? NO_KEY
  const causes = response.causes.map(({ reason, field, message: text }) => {
    return { reason, field, message: text }
  })
  switch (response.effect) {
    case Effect.ALLOW:
      // Obligations beside a plain allow: whoever wrote them did not mean a plain allow.
      if (!isFree(obligations)) break
      return { effect: 'allow', id, obligations, maskKey, warning, impersonationJudged }
    case Effect.ALLOW_WITH_OBLIGATIONS:
      if (isFree(obligations)) break
      return { effect: 'allow', id, obligations, maskKey, profiles, warning, impersonationJudged }
    case Effect.HOLD: {
      const { usual, max } = HOLD_RETRY_SECONDS
      const retryAfterSeconds = Math.min(response.retryAfterSeconds || usual, max)
      return { effect: 'hold', id, message, causes, retryAfterSeconds }
    }
    case Effect.DENY:
      return { effect: 'deny', id, message, causes }
    default:
    // The zero value, and every number that this build does not know.
  }
  throw new Fault('decision_unavailable', UNREADABLE)
}

/** Throws for obligations that this build does not know: they cannot be carried out. */
function obligationsOf({ obligations }: AuthorizeResponse): Obligations {
  if (obligations === undefined) return NO_OBLIGATIONS
  const parts = [obligations, ...obligations.commands, ...obligations.profiles]
  if (parts.some((part) => (part.$unknown ?? []).length > 0)) {
    throw new Fault('decision_unavailable', UNREADABLE)
  }
  return obligationsFromMessage(obligations)
}

/** Parses an answer on the stream; as `parseDecisionReply`, and a failure is a Fault. */
export function parseAnswer(
  message: AuthorizeStreamResponse['message'],
  told?: ToldProfiles,
): DecisionReply {
  switch (message.case) {
    case 'decision':
      return parseDecisionReply(message.value, told)
    case 'failure':
      throw parseFailure(message.value)
    default:
      throw new Fault('decision_unavailable', UNREADABLE)
  }
}

/** Whether the same question may be foreseen by an answer: nothing but a plain allow that says so. */
export function isGroundToForesee(
  message: AuthorizeStreamResponse['message'],
  decision: DecisionReply,
): boolean {
  if (message.case !== 'decision' || !message.value.mayBeForeseen) return false
  return decision.effect === 'allow' && isFree(decision.obligations) && decision.warning === ''
}

/** Codes that a control plane may answer with. A 401 is not one: callers would drop their token. */
const RELAYED: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'decision_unavailable',
  'decision_timeout',
  'audit_unavailable',
  'overloaded',
  'chain_unknown',
  'request_invalid',
])

function parseFailure({ code, message }: Failure): Fault {
  const said = message || 'The control plane could not decide'
  return relayedFault(code, said, RELAYED, 'decision_unavailable')
}
