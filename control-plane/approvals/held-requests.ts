import type { AccessRequest } from '../../core/approvals/access-request.ts'
import { whoMay } from '../../core/approvals/may-review.ts'
import { sha256Hex } from '../../core/approvals/request-digest.ts'
import type { HeldBytes } from '../../core/authorization/held-bytes.ts'
import { Fault } from '../../core/fault.ts'
import type { Hold } from '../../core/policy/decision.ts'
import type { GrownBindings } from '../chains/grown-bindings.ts'
import type { JudgeChain } from '../decisions/judge-chain.ts'
import { type Share, shareOf } from '../fairness/fair-turns.ts'
import type { TargetReader } from '../kubernetes/target-reader.ts'
import type { AccessRequestStore, NewAccessRequest } from '../store/access-request-store.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { AnswerWaiter } from './answer-waiter.ts'
import { cleanReason } from './clean-reason.ts'
import { digestOf, readObject, toHeldRequest } from './held-request.ts'
import type { Grants } from './redeem-grants.ts'

/** What the sidecar is to do. Messages are for people, and complete by themselves. */
export type HeldReply =
  | { readonly state: 'ask-again'; readonly digest: string }
  | { readonly state: 'pending'; readonly requestId: string; readonly message: string }
  | { readonly state: 'refused'; readonly requestId: string; readonly message: string }

/** How many requests may wait for answers at the same time: people cannot answer more, and each takes room. */
export interface PendingLimits {
  readonly perRoot: number
  readonly perNamespace: number
  readonly all: number
}

export interface HeldRequestsDeps {
  readonly store: Pick<AccessRequestStore, 'findClosed' | 'get' | 'open' | 'pending'>
  readonly grants: Pick<Grants, 'find'>
  readonly judgeChain: JudgeChain
  readonly grown: Pick<GrownBindings, 'newest'>
  readonly readTarget: TargetReader
  readonly waiter: AnswerWaiter
  readonly limits: PendingLimits
  /** The longest that a call waits, whatever the policy says. */
  readonly waitMsMax: number
  readonly checkVolume?: (share: Share, nowMs: number) => void
  /** A new ULID in lower case. */
  readonly newId: (nowMs: number) => string
  readonly now: () => number
}

/** Makes access requests of what sidecars hold. */
export type RequestApproval = (binding: PodBinding, call: HeldBytes) => Promise<HeldReply>

const REFUSED = { state: 'refused', requestId: '' } as const
/** Nothing waits any more, whatever happened meanwhile: the decision tells. */
const ASK_AGAIN = { state: 'ask-again', digest: '' } as const

/**
 * Judges the request again by what is known now, and makes an access request of it or finds the one that there is.
 * Resolves when somebody has answered, or the wait is over. Throws what judging and the store throw.
 */
export function createRequestApproval(deps: HeldRequestsDeps): RequestApproval {
  return async function requestApproval(held, call) {
    const binding = deps.grown.newest(held)
    const { question } = call
    const { decision } = await deps.judgeChain(binding, question)
    if (decision.effect !== 'hold') return ASK_AGAIN
    try {
      return await hold(deps, binding, call, decision)
    } catch (error) {
      const fault = Fault.from(error)
      // What cannot be approved is refused in words; the rest could not be told.
      if (fault.code !== 'permission_denied' && fault.code !== 'not_found') throw fault
      return { ...REFUSED, message: fault.message }
    }
  }
}

async function hold(
  deps: HeldRequestsDeps,
  binding: PodBinding,
  call: HeldBytes,
  decision: Hold,
): Promise<HeldReply> {
  const { store } = deps
  const { question, method, target, contentType, body } = call
  const object = await readObject(question.attributes, deps.readTarget)
  const sent = { method, target, contentType, bodyBytes: body.length, bodySha256: sha256Hex(body) }
  const held = toHeldRequest(binding, question, sent, object)
  if (held === undefined) throw new Fault('chain_unknown', 'The chain of this pod is empty')
  const { canonical, digest } = digestOf(held, decision.held)
  const approval = { digest }
  const grant = await deps.grants.find(binding, { ...question, approval }, decision)
  if (grant !== undefined) return { state: 'ask-again', digest }
  const denied = store.findClosed(digest, 'Denied', 0)
  if (denied !== undefined) return answered(denied)
  const nowMs = deps.now()
  const rules = decision.held
  const answerWithinMs = Math.min(...rules.map((rule) => rule.approval.answerWithinMs))
  const request: NewAccessRequest = {
    ...{ id: deps.newId(nowMs), held, canonical, digest, rules },
    reason: cleanReason(call.reason),
    decisionId: call.decisionId,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + answerWithinMs,
    phase: 'Pending',
    reviews: [],
  }
  const opened = await store.open(request, body, () => checkRoom(deps, binding, request))
  const waitMs = Math.min(
    ...rules.map((rule) => rule.approval.waitMs),
    ...[call.waitMs, deps.waitMsMax],
  )
  const after = await deps.waiter.wait(opened.id, binding.podUid, waitMs)
  return answered(after ?? opened)
}

/** Throws `permission_denied` where too many wait already. */
function checkRoom(
  { store, limits, checkVolume, now }: HeldRequestsDeps,
  binding: PodBinding,
  { held }: NewAccessRequest,
): void {
  checkVolume?.(shareOf(binding), now())
  const root = held.chain.rootRequester.username
  const { namespace } = held.caller
  const { ofRoot, inNamespace, all } = store.pending(root, namespace)
  const full =
    ofRoot >= limits.perRoot
      ? `${ofRoot} requests of ${root} wait`
      : inNamespace >= limits.perNamespace
        ? `${inNamespace} requests of the namespace ${namespace} wait`
        : all >= limits.all
          ? `${all} requests of the cluster wait`
          : undefined
  if (full === undefined) return
  throw new Fault(
    'permission_denied',
    `${full} for an approval already, and no more may; have some answered or cancelled, then send the request again`,
  )
}

function answered(request: AccessRequest): HeldReply {
  const { id: requestId, phase, closing, digest, held, rules } = request
  const by = closing?.by ?? ''
  const why = closing?.reason ? `: ${closing.reason}` : ''
  const where = `access request ${held.caller.namespace}/${requestId}`
  switch (phase) {
    case 'Approved':
      return { state: 'ask-again', digest }
    case 'Pending': {
      const message = `${where} waits for an approval (${whoMay(rules)}); once it is approved, send exactly the same request again`
      return { state: 'pending', requestId, message }
    }
    case 'Denied': {
      const message = `${where} was denied by ${by}${why}; the same request stays denied, so do not send it again`
      return { state: 'refused', requestId, message }
    }
    case 'Cancelled': {
      const message = `${where} was cancelled by ${by}${why}; send the request again only if it is still wanted`
      return { state: 'refused', requestId, message }
    }
    case 'Expired': {
      const message = `${where} expired, since nobody answered in time; ask an approver, then send the request again`
      return { state: 'refused', requestId, message }
    }
    default:
      return phase satisfies never
  }
}
