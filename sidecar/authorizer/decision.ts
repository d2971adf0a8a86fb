import { FAULTS, Fault, type FaultCode } from '../../core/fault.ts'
import {
  type AuthorizeResponse,
  type AuthorizeStreamResponse,
  Effect,
  type Failure,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { DecisionReply } from '../../proxy/judgement/authorizer.ts'

/** It goes into a header and a log line, so it is checked like any other input. */
const DECISION_ID = /^[A-Za-z0-9-]{1,64}$/

const UNREADABLE = 'Cannot read the decision of the control plane, so the request is refused'

/**
 * Reads a decision. Throws `decision_unavailable` for whatever is not plainly an allow or a deny,
 * so that no message of another version, or of nobody, can be read as an allow.
 */
export function readDecision(response: AuthorizeResponse): DecisionReply {
  if (!DECISION_ID.test(response.decisionId)) throw new Fault('decision_unavailable', UNREADABLE)
  switch (response.effect) {
    case Effect.ALLOW:
      return {
        effect: 'allow',
        id: response.decisionId,
        warning: response.warning,
        impersonationJudged: response.impersonationJudged,
      }
    case Effect.DENY:
      return {
        effect: 'deny',
        id: response.decisionId,
        message: response.message,
        causes: response.causes.map(({ reason, field, message }) => ({ reason, field, message })),
      }
    default:
      // The zero value, and every number that this build does not know.
      throw new Fault('decision_unavailable', UNREADABLE)
  }
}

/** Reads an answer on the stream; as `readDecision`, and a failure is a Fault. */
export function readAnswer(message: AuthorizeStreamResponse['message']): DecisionReply {
  switch (message.case) {
    case 'decision':
      return readDecision(message.value)
    case 'failure':
      throw readFailure(message.value)
    default:
      throw new Fault('decision_unavailable', UNREADABLE)
  }
}

/** Codes that a control plane may answer with. A 401 is not one: callers would drop their token. */
const RELAYED: ReadonlySet<string> = new Set<FaultCode>([
  'decision_unavailable',
  'decision_timeout',
  'audit_unavailable',
  'overloaded',
  'chain_unknown',
  'request_invalid',
])

function readFailure({ code, message }: Failure): Fault {
  const known = RELAYED.has(code) && code in FAULTS ? (code as FaultCode) : 'decision_unavailable'
  return new Fault(known, message || 'The control plane could not decide')
}
