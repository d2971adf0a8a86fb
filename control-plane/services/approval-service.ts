import type { HeldBytes } from '../../core/authorization/held-bytes.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import type { Logger } from '../../platform/logger.ts'
import {
  type ApprovalService,
  ApprovalState,
  type RequestApprovalRequest,
} from '../../proto/gen/lanyard/v1/approval_pb.ts'
import type { GrpcHandlers } from '../../proto/grpc-service.ts'
import type { HeldReply, RequestApproval } from '../approvals/held-requests.ts'
import type { Sessions } from '../sessions.ts'
import { HOLD_RETRY_SECONDS, questionFromMessage } from './authorization-message.ts'
import { bearerToken, unary } from './grpc-fault.ts'

/** What people can look through, and the database can keep. */
const BODY_BYTES_MAX = 1_024 * 1_024
/** As long as a request line may be that a sidecar takes. */
const TARGET_CHARACTERS_MAX = 1_024 * 1_024
const METHOD = /^[A-Z]{0,16}$/
const CONTENT_TYPE_CHARACTERS_MAX = 1_024
const DECISION_ID = /^[A-Za-z0-9-]{1,64}$/

export interface ApprovalServiceDeps {
  readonly sessions: Sessions
  readonly requestApproval: RequestApproval
  readonly logger: Logger
}

/** Answers sidecars that hold a request, each over a call of its own: nothing of it is on the decision stream. */
export function createApprovalService({
  sessions,
  requestApproval,
  logger,
}: ApprovalServiceDeps): GrpcHandlers<typeof ApprovalService> {
  return {
    requestApproval: unary(logger, async (message, metadata) => {
      const { binding } = sessions.find(bearerToken(metadata))
      return toMessage(await requestApproval(binding, toCall(message)))
    }),
  }
}

/** Throws `request_invalid` for a message that no sidecar of ours sends, and `request_too_large`. */
function toCall(message: RequestApprovalRequest): HeldBytes {
  const { question, decisionId, method, target, contentType, body, reason, waitMs } = message
  if (question === undefined) throw new Fault('request_invalid', 'The message has no question')
  if (body.length > BODY_BYTES_MAX) {
    throw new Fault('request_too_large', 'A body that waits for an approval may have 1 MiB at most')
  }
  const isFit =
    METHOD.test(method) &&
    DECISION_ID.test(decisionId) &&
    target.length <= TARGET_CHARACTERS_MAX &&
    contentType.length <= CONTENT_TYPE_CHARACTERS_MAX
  if (!isFit) throw new Fault('request_invalid', 'The message is about no request that can be held')
  const { buffer, byteOffset, byteLength } = body
  return {
    question: questionFromMessage(question),
    ...{ decisionId, method, target, contentType, reason, waitMs },
    body: Buffer.from(buffer, byteOffset, byteLength),
  }
}

function toMessage(reply: HeldReply) {
  switch (reply.state) {
    case 'ask-again':
      return { state: ApprovalState.ASK_AGAIN, digest: reply.digest }
    case 'pending': {
      const { requestId } = reply
      const message = escapeText(reply.message)
      const retryAfterSeconds = HOLD_RETRY_SECONDS
      return { state: ApprovalState.PENDING, requestId, message, retryAfterSeconds }
    }
    default: {
      const message = escapeText(reply.message)
      return { state: ApprovalState.REFUSED, requestId: reply.requestId, message }
    }
  }
}
