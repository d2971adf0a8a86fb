import { randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'
import type { Effect } from '../../core/audit/audit-event.ts'
import type { JudgedRequest, Question } from '../../core/authorization/question.ts'
import type { Actor } from '../../core/chain.ts'
import type { TypedLine } from '../../core/commands/typed-line.ts'
import { Fault } from '../../core/fault.ts'
import type { MaskDefinition } from '../../core/masking/mask-profile.ts'
import type { Allow, Decision, Hold } from '../../core/policy/decision.ts'
import {
  covers,
  describeObligations,
  isFree,
  NO_OBLIGATIONS,
  type Obligations,
} from '../../core/policy/obligations.ts'
import type { Refusal } from '../../core/policy/refusal.ts'
import type { Grants } from '../approvals/redeem-grants.ts'
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
  type Judgement,
  requireSync,
} from './judge-chain.ts'
import { definitionsOf } from './mask-definitions.ts'
import { type Prospect, prospect } from './prospect.ts'
import { RefusalLedger } from './refusal-ledger.ts'
import { tell } from './told.ts'

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
  /** The grant that let a held request pass; absent where none was needed. */
  readonly grantId?: string
}

export interface DecideDeps extends JudgeDeps {
  readonly auditEvents: AuditEventStore
  /** Throws `overloaded` for who has used a share of what is left of the volume of the records. */
  readonly checkVolume?: (share: Share, nowMs: number) => void
  /** With which answers to the pods of a chain are masked; absent: sidecars refuse what has to be masked. */
  readonly maskKeyOf?: (binding: PodBinding) => Uint8Array<ArrayBuffer>
  /** By which what is held may pass; absent: nothing that is held passes. */
  readonly grants?: Grants
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
  const judgeChain = createJudgeChain(deps)
  const refuseLine = createRefuseLine(deps)
  const deciding = new Deciding(deps, judgeChain)
  return {
    decide: (held, question, sentAs) => deciding.decide(held, question, sentAs),
    stillAllows: createStillAllows(deps),
    refuseLine: (held, question, typed) => refuseLine(deps.grown.newest(held), question, typed),
    prospect: (held, request) => prospect(deps, judgeChain, held, request),
  }
}

class Deciding {
  readonly #deps: DecideDeps
  readonly #judgeChain: JudgeChain
  readonly #refusals: RefusalLedger

  constructor(deps: DecideDeps, judgeChain: JudgeChain) {
    this.#deps = deps
    this.#judgeChain = judgeChain
    this.#refusals = new RefusalLedger(deps.auditEvents)
  }

  async decide(held: PodBinding, question: Question, sentAs = ''): Promise<RecordedDecision> {
    const binding = this.#deps.grown.newest(held)
    const { refusedBecause } = question
    const caller = binding.chain.actors.at(-1)
    if (caller === undefined) throw new Fault('chain_unknown', 'The chain of this pod is empty')
    const judged = refusedBecause === '' ? await this.#judgeChain(binding, question) : undefined
    const asked = { binding, question, caller, judged, sentAs }
    const hold = judged?.decision
    if (hold?.effect !== 'hold' || this.#deps.facts.isObserved(caller.namespace))
      return this.#conclude(asked, hold)
    const grant = await this.#deps.grants?.find(binding, question, hold)
    const passed =
      grant === undefined ? undefined : await this.#passByGrant(asked, approved(hold), grant.id)
    return passed ?? this.#conclude(asked, hold)
  }

  /** Undefined when the grant was used or closed meanwhile: then nothing is on record. */
  async #passByGrant(
    asked: Deliberation,
    decision: Allow,
    grantId: string,
  ): Promise<RecordedDecision | undefined> {
    const { binding, question, caller, sentAs } = asked
    const now = this.#deps.now()
    this.#deps.checkVolume?.(shareOf(binding), now)
    const id = sentAs || ulid(now)
    const parts = { id, decidedAtMs: now, binding, caller, question, decision }
    const message = isFree(decision.obligations) ? '' : describeObligations(decision.obligations)
    const rest = { message, observed: false, sentAhead: sentAs !== '' }
    const profiles = definitionsOf(this.#deps, decision)
    const event = { ...toRecord({ ...parts, ...rest }), grantId }
    if ((await this.#deps.grants?.use(grantId, event)) !== true) return undefined
    return { ...this.#allowed(asked, decision, id), ...profiles, grantId }
  }

  /** Puts a decision that rests on no grant on record. */
  async #conclude(asked: Deliberation, decision: Decision | undefined): Promise<RecordedDecision> {
    const { binding, question, caller, judged, sentAs } = asked
    const { attributes, refusedBecause } = question
    const now = this.#deps.now()
    const share = shareOf(binding)
    const observed =
      decision !== undefined &&
      !isFreeAllow(decision) &&
      this.#deps.facts.isObserved(caller.namespace)
    const passes = observed || decision?.effect === 'allow'
    const profiles = definitionsOf(this.#deps, observed ? undefined : decision)
    if (passes) this.#deps.checkVolume?.(share, now)
    const sentAhead = sentAs !== ''
    const reason = decision?.reason ?? 'request_invalid'
    // What reaches the API server has a record of its own, always.
    const place =
      passes || sentAhead
        ? undefined
        : this.#refusals.place(share, reason, attributes.verb, ulid(now), now)
    const decisionId = place?.id ?? (sentAs || ulid(now))
    const told = tell(judged?.about ?? attributes, binding, decision, decisionId)
    const message = told?.message ?? refusedBecause
    const parts = { id: decisionId, decidedAtMs: now, binding, caller, question, decision }
    const whole = toRecord({ ...parts, message, observed, sentAhead })
    const event = passes ? whole : bounded(whole)
    await (place === undefined ? this.#deps.auditEvents.append(event) : place.record(event))
    if (decision?.effect === 'allow' && !observed)
      return { ...this.#allowed(asked, decision, decisionId), ...profiles }
    const impersonationJudged = judged !== undefined && question.impersonation !== undefined
    const said = { impersonationJudged, conditional: false }
    const answer = { decisionId, ...said, obligations: NO_OBLIGATIONS }
    if (observed) return { ...answer, effect: 'allow', refusal: undefined, warning: message }
    return { ...answer, effect: decision?.effect ?? 'deny', refusal: told, warning: '' }
  }

  #allowed({ binding, question }: Deliberation, decision: Allow, decisionId: string) {
    const warning = this.#deps.lapses.warningOf(binding)
    const { obligations } = decision
    const maskKey = obligations.mask.length === 0 ? undefined : this.#deps.maskKeyOf?.(binding)
    const masked = maskKey === undefined ? {} : { maskKey }
    const impersonationJudged = question.impersonation !== undefined
    const said = { impersonationJudged, conditional: decision.conditional === true }
    const answer = { decisionId, ...said, obligations, warning, ...masked }
    return { ...answer, effect: 'allow' as const, refusal: undefined }
  }
}

/** A question while it is answered. */
interface Deliberation {
  readonly binding: PodBinding
  readonly question: Question
  /** The pod that asks. */
  readonly caller: Actor
  /** Absent when the sidecar refused by itself. */
  readonly judged: Judgement | undefined
  /** As `decide`. */
  readonly sentAs: string
}

/** What a hold becomes once it is approved: every other rule has said its part already. */
function approved({ rule, obligations, matches }: Hold): Allow {
  return { effect: 'allow', reason: 'approved', rule, obligations, matches }
}

function createStillAllows(deps: DecideDeps): Decider['stillAllows'] {
  const { facts, grown } = deps
  const judgeByKnown = createJudgeByKnown(deps)
  return async function stillAllows(held, question, done = NO_OBLIGATIONS) {
    const binding = grown.newest(held)
    const { decision } = await judgeByKnown(binding, question)
    const caller = binding.chain.actors.at(-1)
    const grantId = question.approval?.grantId ?? ''
    const isDone =
      decision.effect !== 'deny' &&
      (decision.effect === 'allow' ||
        deps.grants?.stillCovers(binding, grantId, decision) === true) &&
      covers(done, decision.obligations)
    const allows = isDone || facts.isObserved(caller?.namespace ?? '')
    // A denial by what is known holds whatever was missed. Something that was missed may deny as well.
    if (allows) requireSync(facts)
    return allows
  }
}

/** Whether a request may pass as it is, on record or not: who asks and who only observes need not know of a record. */
function isFreeAllow(decision: Decision): boolean {
  return decision.effect === 'allow' && isFree({ ...decision.obligations, record: 'none' })
}
