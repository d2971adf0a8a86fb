import { randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'
import type { Effect } from '../../core/audit/audit-event.ts'
import type { JudgedRequest, Question } from '../../core/authorization/question.ts'
import type { TypedLine } from '../../core/commands/typed-line.ts'
import { Fault } from '../../core/fault.ts'
import { IMPERSONATE, isImpersonable } from '../../core/kubernetes/impersonation.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { isMaskProfileId, type MaskDefinition } from '../../core/masking/mask-profile.ts'
import type { Decision } from '../../core/policy/decision.ts'
import {
  covers,
  describeObligations,
  isFree,
  NO_OBLIGATIONS,
  type Obligations,
} from '../../core/policy/obligations.ts'
import { isTunnel } from '../../core/policy/record-tunnels.ts'
import { type Refusal, refusal } from '../../core/policy/refusal.ts'
import type { GrownBindings } from '../chains/grown-bindings.ts'
import { type Share, shareOf } from '../fairness/fair-turns.ts'
import type { AuditEventStore } from '../store/audit-event-store.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import { bounded, toRecord } from './decision-record.ts'
import {
  createJudgeByKnown,
  createJudgeChain,
  createRefuseLine,
  type JudgeChain,
  type JudgeDeps,
  requireSync,
} from './judge-chain.ts'
import { RefusalLedger } from './refusal-ledger.ts'

/** A decision that is on record. */
export interface RecordedDecision {
  readonly decisionId: string
  readonly effect: Effect
  /** What must be done to the request, of an allow. */
  readonly obligations: Obligations
  /** What the caller of a request that does not pass is told. */
  readonly refusal: Refusal | undefined
  /** What an observed namespace would have been told, or that the chain ends soon. */
  readonly warning: string
  /** With which the answer is masked; absent where it is not. */
  readonly maskKey?: Uint8Array<ArrayBuffer>
  /** What the MaskProfiles in the obligations say; absent where there are none. */
  readonly profiles?: readonly MaskDefinition[]
  /** Whether the question impersonated somebody and the decision took that into account. */
  readonly impersonationJudged: boolean
  /** Whether a condition of a rule had a say, so that the same question may have another answer later. */
  readonly conditional: boolean
}

/** What would be answered. */
export interface Prospect {
  readonly effect: Effect
  readonly obligations: Obligations
  /** Why not; for what an observed namespace lets pass, what it would have been told. */
  readonly reason: string
}

export interface DecideDeps extends JudgeDeps {
  readonly auditEvents: AuditEventStore
  /** Throws `overloaded` for who has used a share of what is left of the volume of the records. */
  readonly checkVolume?: (share: Share, nowMs: number) => void
  /** With which answers to the pods of a chain are masked; absent: sidecars refuse what has to be masked. */
  readonly maskKeyOf?: (binding: PodBinding) => Uint8Array<ArrayBuffer>
  /** Chains that have grown since a session began. */
  readonly grown: Pick<GrownBindings, 'newest'>
}

export interface Decider {
  /**
   * Decides, and answers once the decision is on disk. Throws when it cannot do either. `sentAs` is the id under
   * which the sidecar has sent the request already, checked; empty when it waits.
   */
  decide(binding: PodBinding, question: Question, sentAs?: string): Promise<RecordedDecision>
  /**
   * Whether a request that was allowed still would be; records nothing. False as soon as what is known
   * denies it; throws `decision_unavailable` when something that was missed could. `done` is what is being
   * done to the request: what would have to be done besides by now is not done.
   */
  stillAllows(binding: PodBinding, question: Question, done?: Obligations): Promise<boolean>
  /**
   * Why a line may not be typed into an open session, in words; undefined when it may. `question` is what opened the
   * session. Throws `decision_unavailable` when it cannot be told.
   */
  refuseLine(binding: PodBinding, question: Question, typed: TypedLine): string | undefined
  /** What a request would be answered; records nothing, and lets nothing through. */
  prospect(binding: PodBinding, request: JudgedRequest): Promise<Prospect>
}

/**
 * Node keeps a stock of random bytes for `randomInt`; the library's own source asks the system for one
 * byte at a time, which takes as long as the rest of the decision.
 */
const ulid = monotonicFactory(() => randomInt(32) / 32)

/** Has a request judged, and puts the answer on record. */
export function createDecider(deps: DecideDeps): Decider {
  const { facts } = deps
  const judgeChain = createJudgeChain(deps)
  const refuseLine = createRefuseLine(deps)
  const refusals = new RefusalLedger(deps.auditEvents)

  async function decide(
    held: PodBinding,
    question: Question,
    sentAs = '',
  ): Promise<RecordedDecision> {
    const binding = deps.grown.newest(held)
    const { attributes, refusedBecause, impersonation } = question
    const caller = binding.chain.actors.at(-1)
    if (caller === undefined) throw new Fault('chain_unknown', 'The chain of this pod is empty')
    const judged = refusedBecause === '' ? await judgeChain(binding, question) : undefined
    const decision = judged?.decision
    const now = deps.now()
    const share = shareOf(binding)
    const observed =
      decision !== undefined && !isFreeAllow(decision) && facts.isObserved(caller.namespace)
    const passes = observed || decision?.effect === 'allow'
    const profiles = definitionsOf(deps, observed ? undefined : decision)
    if (passes) deps.checkVolume?.(share, now)
    const sentAhead = sentAs !== ''
    const reason = decision?.reason ?? 'request_invalid'
    // What reaches the API server has a record of its own, always.
    const place =
      passes || sentAhead
        ? undefined
        : refusals.place(share, reason, attributes.verb, ulid(now), now)
    const decisionId = place?.id ?? (sentAs || ulid(now))
    const told = tell(judged?.about ?? attributes, binding, decision, decisionId)
    const message = told?.message ?? refusedBecause
    const parts = { id: decisionId, decidedAtMs: now, binding, caller, question, decision }
    const whole = toRecord({ ...parts, message, observed, sentAhead })
    const event = passes ? whole : bounded(whole)
    await (place === undefined ? deps.auditEvents.append(event) : place.record(event))
    const impersonationJudged = judged !== undefined && impersonation !== undefined
    const conditional = decision?.effect === 'allow' && decision.conditional === true
    const answer = { decisionId, impersonationJudged, conditional, obligations: NO_OBLIGATIONS }
    if (observed) return { ...answer, effect: 'allow', refusal: undefined, warning: message }
    if (decision?.effect !== 'allow') {
      return { ...answer, effect: decision?.effect ?? 'deny', refusal: told, warning: '' }
    }
    const warning = deps.lapses.warningOf(binding)
    const { obligations } = decision
    const maskKey = obligations.mask.length === 0 ? undefined : deps.maskKeyOf?.(binding)
    const masked = maskKey === undefined ? {} : { maskKey }
    const done = { obligations, ...masked, ...profiles }
    return { ...answer, effect: 'allow', refusal: undefined, warning, ...done }
  }

  return {
    decide,
    stillAllows: createStillAllows(deps),
    refuseLine: (held, question, typed) => refuseLine(deps.grown.newest(held), question, typed),
    prospect: (held, request) => prospect(deps, judgeChain, held, request),
  }
}

function createStillAllows(deps: DecideDeps): Decider['stillAllows'] {
  const { facts, grown } = deps
  const judgeByKnown = createJudgeByKnown(deps)
  return async function stillAllows(held, question, done = NO_OBLIGATIONS) {
    const binding = grown.newest(held)
    const { decision } = await judgeByKnown(binding, question)
    const caller = binding.chain.actors.at(-1)
    const isDone = decision.effect === 'allow' && covers(done, decision.obligations)
    const allows = isDone || facts.isObserved(caller?.namespace ?? '')
    // A denial by what is known holds whatever was missed. Something that was missed may deny as well.
    if (allows) requireSync(facts)
    return allows
  }
}

/** What the MaskProfiles say that a decision names. Throws when one has changed since it was judged. */
function definitionsOf(
  { facts }: Pick<DecideDeps, 'facts'>,
  decision: Decision | undefined,
): Pick<RecordedDecision, 'profiles'> {
  if (decision?.effect !== 'allow') return {}
  const ids = decision.obligations.mask.filter(isMaskProfileId)
  if (ids.length === 0) return {}
  const profiles = ids.map((id) => facts.maskProfile(id))
  const known = profiles.filter((profile) => profile !== undefined)
  if (known.length < ids.length)
    throw new Fault('decision_unavailable', 'A MaskProfile has changed just now; try again')
  return { profiles: known.map(({ id, definition }) => ({ id, definition })) }
}

async function prospect(
  { grown, facts }: DecideDeps,
  judgeChain: JudgeChain,
  held: PodBinding,
  request: JudgedRequest,
): Promise<Prospect> {
  const binding = grown.newest(held)
  const { decision, about } = await judgeChain(binding, asQuestion(request))
  if (mayPass(decision)) return { effect: 'allow', obligations: NO_OBLIGATIONS, reason: '' }
  const observed = facts.isObserved(binding.chain.actors.at(-1)?.namespace ?? '')
  const reason = tell(about, binding, decision, '')?.message ?? ''
  if (observed) {
    const prefix = 'the namespace only observes; enforced it would be refused: '
    return { effect: 'allow', obligations: NO_OBLIGATIONS, reason: `${prefix}${reason}` }
  }
  const obligations = decision.effect === 'allow' ? decision.obligations : NO_OBLIGATIONS
  return { effect: decision.effect, obligations, reason }
}

/** Whether a request may pass as it is, on record or not: who asks and who only observes need not know of a record. */
function isFreeAllow(decision: Decision): boolean {
  return decision.effect === 'allow' && isFree({ ...decision.obligations, record: 'none' })
}

/** Whether whoever asks may do it: masked or recorded, they may. */
function mayPass(decision: Decision): boolean {
  return (
    decision.effect === 'allow' && isFree({ ...decision.obligations, record: 'none', mask: [] })
  )
}

/** What is said about a decision that stands in the way of a request; undefined for one that does not. */
function tell(
  about: RequestAttributes,
  binding: PodBinding,
  decision: Decision | undefined,
  decisionId: string,
): Refusal | undefined {
  if (decision === undefined) return undefined
  if (decision.effect !== 'allow') return refusal(about, binding.chain, decision, decisionId)
  if (isFree(decision.obligations)) return undefined
  return { message: describeObligations(decision.obligations), causes: [] }
}

const EVERY_VERB = '*'
const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']

/** As the requests that a question is about would be judged: one about every verb is about each of them. */
function asQuestion(request: JudgedRequest): JudgedRequest {
  const { attributes } = request
  const { verb, resourceRequest } = attributes
  if (!resourceRequest) return { ...request, prospective: true }
  // A tunnel is judged as create however it is reached.
  const also = isTunnel(attributes) && verb !== 'create' ? ['create'] : []
  const every = isImpersonable(attributes) ? [...VERBS, IMPERSONATE] : VERBS
  const alsoVerbs = verb === EVERY_VERB ? every : also
  return { ...request, attributes: { ...attributes, alsoVerbs }, prospective: true }
}
