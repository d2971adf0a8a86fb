import { Metadata, type ServiceError } from '@grpc/grpc-js'
import type { HeldBytes } from '../../core/authorization/held-bytes.ts'
import { Fault, type FaultCode } from '../../core/fault.ts'
import { fromServiceError } from '../../proto/fault-status.ts'
import {
  ApprovalService,
  ApprovalState,
  type RequestApprovalResponse,
} from '../../proto/gen/lanyard/v1/approval_pb.ts'
import { questionToMessage } from '../../proto/question-message.ts'
import type { ApprovalReply } from '../../proxy/judgement/authorizer.ts'
import type { ControlPlaneChannel } from './control-plane-channel.ts'

/** Where approvals are asked for: as whom the stream that serves was opened. */
export interface ApprovalPlace {
  readonly clientOf: ControlPlaneChannel['clientOf']
  readonly session: string
  /** For an answer beyond the time that is waited. */
  readonly timeoutMs: number
}

const DIGEST = /^[0-9a-f]{64}$/
const REQUEST_ID = /^[0-9a-z]{1,64}$/
const RETRY_SECONDS = { usual: 15, max: 3_600 }

/** What the control plane may fail with so that the caller is told. */
const TOLD: readonly FaultCode[] = ['audit_unavailable', 'overloaded', 'request_too_large']

/** Throws `decision_unavailable` for an answer that is not plainly one, and what the control plane failed with. */
export function callForApproval(
  { clientOf, session, timeoutMs }: ApprovalPlace,
  held: HeldBytes,
): Promise<ApprovalReply> {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${session}`)
  const { question, body, ...parts } = held
  const message = {
    ...parts,
    question: questionToMessage(question),
    body: Uint8Array.from(body),
  }
  const client = clientOf(ApprovalService)
  return new Promise((resolve, reject) => {
    client.requestApproval(
      message as Parameters<typeof client.requestApproval>[0],
      metadata,
      { deadline: Date.now() + held.waitMs + timeoutMs },
      (error, response) => {
        try {
          if (error !== null) throw toldFault(error)
          resolve(parseApprovalReply(response))
        } catch (failure) {
          // Converted: what cannot be read refuses the request.
          reject(Fault.from(failure))
        }
      },
    )
  })
}

function toldFault(error: ServiceError): Fault {
  const fault = fromServiceError(error)
  if (fault !== undefined && TOLD.includes(fault.code)) return fault
  const text = 'The control plane did not answer about the approval'
  return new Fault('decision_unavailable', text, { cause: error })
}

/** Throws `decision_unavailable` for whatever is not plainly a reply. */
export function parseApprovalReply(response: RequestApprovalResponse | undefined): ApprovalReply {
  const { state, requestId = '', digest = '', message = '', retryAfterSeconds = 0 } = response ?? {}
  switch (state) {
    case ApprovalState.ASK_AGAIN:
      if (digest !== '' && !DIGEST.test(digest)) break
      return { state: 'ask-again', digest }
    case ApprovalState.PENDING: {
      if (!REQUEST_ID.test(requestId)) break
      const seconds = Math.min(retryAfterSeconds || RETRY_SECONDS.usual, RETRY_SECONDS.max)
      return { state: 'pending', requestId, message, retryAfterSeconds: seconds }
    }
    case ApprovalState.REFUSED:
      return { state: 'refused', requestId: REQUEST_ID.test(requestId) ? requestId : '', message }
    default:
    // The zero value, and every number that this build does not know.
  }
  throw new Fault('decision_unavailable', 'Cannot read what the control plane says of the approval')
}
