import { setTimeout as sleep } from 'node:timers/promises'
import { getAccessRequest, getContent } from '../../api/client/access-request-client.ts'
import type {
  AccessRequestContentObject,
  AccessRequestObject,
} from '../../api/objects/access-request-object.ts'
import { Fault } from '../../core/fault.ts'
import type { CommandContext } from '../command/command-context.ts'
import { writeDone } from '../terminal/object-writer.ts'
import { checkContent } from './check-content.ts'
import { exitCodeOf } from './exit-codes.ts'
import { findRequest } from './find-object.ts'
import { requestLines } from './request-text.ts'

export interface ShowOptions {
  /** All of the body. */
  readonly full?: boolean
}

/** `request show ID`: who asks for what, for whom, with which bytes, what an approval would allow, what you may do. */
export async function runShowRequest(
  context: CommandContext,
  id: string,
  { full }: ShowOptions,
): Promise<number> {
  const request = await findRequest(context, id)
  const { output } = context
  const wantsText = output === undefined || output === 'wide'
  const content = wantsText ? await readContent(context, request) : undefined
  const lines = wantsText ? requestLines(context, request, content, full === true) : []
  writeDone(context, request, `${lines.join('\n')}\n`)
  return 0
}

/** The content; undefined for who may see that there is a request and not what is in it. */
async function readContent(
  { client }: CommandContext,
  request: AccessRequestObject,
): Promise<AccessRequestContentObject | undefined> {
  try {
    const content = await getContent(client, request)
    checkContent(request, content)
    return content
  } catch (error) {
    if (Fault.from(error).code !== 'permission_denied') throw error
    return undefined
  }
}

export interface WaitOptions {
  /** Milliseconds. */
  readonly timeout: number
}

const POLL_MS = 1_000

/** `request wait ID`: until the request was answered. Exits 0 when approved, 3 when it still waits, 4 otherwise. */
export async function runWaitRequest(
  context: CommandContext,
  id: string,
  { timeout }: WaitOptions,
): Promise<number> {
  const endsAt = performance.now() + timeout
  let request = await findRequest(context, id)
  while (request.status.phase === 'Pending' && performance.now() < endsAt) {
    await sleep(Math.min(POLL_MS, Math.max(0, endsAt - performance.now())))
    request = await getAccessRequest(context.client, request.metadata.namespace, id)
  }
  writeDone(context, request, `accessrequest ${id} ${PHASES[request.status.phase]}\n`)
  return exitCodeOf(request)
}

const PHASES: Readonly<Record<AccessRequestObject['status']['phase'], string>> = {
  Pending: 'still waits for an approval',
  Approved: 'approved: send the same request again',
  Denied: 'denied: do not send the request again',
  Cancelled: 'cancelled',
  Expired: 'expired without an answer',
}
