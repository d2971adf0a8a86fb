import {
  approveRequest,
  cancelRequest,
  denyRequest,
  getContent,
} from '../../api/client/access-request-client.ts'
import type {
  AccessRequestContentObject,
  AccessRequestObject,
} from '../../api/objects/access-request-object.ts'
import { requestText } from '../../api/texts/request-text.ts'
import type { ApprovalScope } from '../../core/approvals/approval.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import type { CommandContext } from '../command/command-context.ts'
import { writeDone } from '../terminal/object-writer.ts'
import { checkContent } from './check-content.ts'
import { exitCodeOf } from './exit-codes.ts'
import { findRequest } from './find-object.ts'

export interface ApproveOptions {
  readonly scope: ApprovalScope
  readonly reason?: string
}

/**
 * `approve ID`: approves exactly the bytes that the digest stands for. Exits 3 when others have to approve too. Throws
 * `permission_denied` or `request_invalid` with what is possible before anything is sent that would be refused.
 */
export async function runApprove(
  context: CommandContext,
  id: string,
  { scope, reason = '' }: ApproveOptions,
): Promise<number> {
  const { client } = context
  const request = await findRequest(context, id)
  const content = await getContent(client, request)
  checkContent(request, content)
  checkOffer(content, scope, reason)
  const body = { digest: request.spec.digest, scope, ...(reason === '' ? {} : { reason }) }
  const answered = await approveRequest(client, request, body)
  writeDone(context, answered, approvedText(context, answered, scope))
  return exitCodeOf(answered)
}

export interface DenyOptions {
  readonly reason: string
}

/** `deny ID`: for good, whoever approved before. */
export async function runDeny(
  context: CommandContext,
  id: string,
  { reason }: DenyOptions,
): Promise<number> {
  const request = await findRequest(context, id)
  const denied = await denyRequest(context.client, request, reason)
  writeDone(context, denied, `accessrequest ${id} denied\n`)
  return 0
}

export interface CancelOptions {
  readonly reason?: string
}

/** `cancel ID`: takes back what a pod of the user's own asks for. */
export async function runCancel(
  context: CommandContext,
  id: string,
  { reason = '' }: CancelOptions,
): Promise<number> {
  const request = await findRequest(context, id)
  const cancelled = await cancelRequest(context.client, request, reason)
  writeDone(context, cancelled, `accessrequest ${id} cancelled\n`)
  return 0
}

function checkOffer(
  { offers }: AccessRequestContentObject,
  scope: ApprovalScope,
  reason: string,
): void {
  const { approve, why, reasonRequired } = offers
  if (approve.length === 0) {
    throw new Fault('permission_denied', `You may not approve this request: ${why}`)
  }
  if (!approve.includes(scope)) {
    throw new Fault(
      'request_invalid',
      `The rule does not let you approve the scope ${scope}; you may approve: ${approve.join(', ')}`,
    )
  }
  if (reasonRequired && reason.trim() === '') {
    throw new Fault('request_invalid', 'The rule wants a reason: add --reason TEXT')
  }
}

function approvedText(
  { program }: CommandContext,
  { metadata, spec, status }: AccessRequestObject,
  scope: ApprovalScope,
): string {
  const { name, namespace } = metadata
  const what = escapeText(requestText(spec))
  if (status.grant === undefined) {
    return `accessrequest ${name} approved by you, and it needs others too: ${what}\n`
  }
  return `accessrequest ${name} approved, scope ${scope}: ${what}\nTo take it back:\n  ${program} revoke --grant ${status.grant} -n ${namespace} --reason TEXT\n`
}
