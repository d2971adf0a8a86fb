import { randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'
import { Fault } from '../core/fault.ts'
import { IMPERSONATE, impersonatedUser, isImpersonable } from '../core/kubernetes/impersonation.ts'
import { type Refusal, refusal } from '../core/policy/refusal.ts'
import type { GrownBindings } from './chains/grown-bindings.ts'
import { type Share, shareOf } from './fair-turns.ts'
import { createJudgeChain, type JudgeDeps, type JudgedRequest } from './judge-chain.ts'
import { RefusalLedger } from './refusal-ledger.ts'
import type { AuditEventStore, NewAuditEvent } from './store/audit-event-store.ts'
import type { PodBinding } from './store/pod-binding-store.ts'

/** One question of a sidecar. */
export interface Question extends JudgedRequest {
  readonly container: string
  readonly userAgent: string
  /** Why the sidecar itself refused; empty when it asks. */
  readonly refusedBecause: string
}

/** An answer that is on record. */
export interface Answer {
  readonly decisionId: string
  readonly effect: 'allow' | 'deny'
  readonly refusal: Refusal | undefined
  /** What an observed namespace would have been told, or that the chain ends soon. */
  readonly warning: string
  /** Whether the question impersonated somebody and the decision took that into account. */
  readonly impersonationJudged: boolean
}

/** What would be answered. */
export interface Prospect {
  readonly allowed: boolean
  /** Why not; for what an observed namespace lets pass, what it would have been told. */
  readonly reason: string
}

export interface DecideDeps extends JudgeDeps {
  readonly auditEvents: AuditEventStore
  /** Throws `overloaded` for who has used a share of what is left of the volume of the records. */
  readonly checkVolume?: (share: Share, nowMs: number) => void
  /** Chains that have grown since a session began. */
  readonly grown: Pick<GrownBindings, 'newest'>
  readonly now: () => number
}

export interface Decider {
  /** Decides, and answers once the decision is on disk. Throws when it cannot do either. */
  decide(binding: PodBinding, question: Question): Promise<Answer>
  /** Whether a request that was allowed still would be; records nothing. */
  stillAllows(binding: PodBinding, question: Question): Promise<boolean>
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
  const refusals = new RefusalLedger(deps.auditEvents)

  async function decide(held: PodBinding, question: Question): Promise<Answer> {
    const binding = deps.grown.newest(held)
    const { attributes, container, userAgent, refusedBecause, impersonation } = question
    const caller = binding.chain.actors.at(-1)
    if (caller === undefined) throw new Fault('chain_unknown', 'The chain of this pod is empty')
    const judged = refusedBecause === '' ? await judgeChain(binding, question) : undefined
    const decision = judged?.decision
    const now = deps.now()
    const effect = decision?.effect ?? 'deny'
    const share = shareOf(binding)
    const passes =
      effect === 'allow' || (decision !== undefined && facts.isObserved(caller.namespace))
    if (passes) deps.checkVolume?.(share, now)
    const reason = decision?.reason ?? 'request_invalid'
    // What passes has a record of its own, always.
    const place = passes
      ? undefined
      : refusals.place(share, reason, attributes.verb, ulid(now), now)
    const decisionId = place?.id ?? ulid(now)
    const denied =
      decision?.effect === 'deny'
        ? refusal(judged?.about ?? attributes, binding.chain, decision, decisionId)
        : undefined
    const observed = denied !== undefined && passes
    const event = {
      id: decisionId,
      decidedAtMs: now,
      caller,
      container,
      chain: binding.chain,
      growth: binding.growth,
      attributes,
      effect,
      reason,
      refusedBy: decision?.effect === 'deny' ? (decision.refusedBy?.user.username ?? '') : '',
      rule: decision?.rule ?? '',
      observed,
      userAgent: toPlainText(userAgent),
      message: denied?.message ?? refusedBecause,
      ...(impersonation === undefined ? {} : { impersonatedUser: impersonatedUser(impersonation) }),
    }
    if (place === undefined) await deps.auditEvents.append(event)
    else await place.record(bounded(event))
    const impersonationJudged = judged !== undefined && impersonation !== undefined
    const answer = { decisionId, impersonationJudged }
    if (observed) {
      return { ...answer, effect: 'allow', refusal: undefined, warning: denied.message }
    }
    const warning = effect === 'allow' ? deps.lapses.warningOf(binding) : ''
    return { ...answer, effect, refusal: denied, warning }
  }

  return {
    decide,
    stillAllows: async (held, question) => {
      const binding = deps.grown.newest(held)
      const { decision } = await judgeChain(binding, question)
      const caller = binding.chain.actors.at(-1)
      return decision.effect === 'allow' || facts.isObserved(caller?.namespace ?? '')
    },
    prospect: async (held, request) => {
      const binding = deps.grown.newest(held)
      const { decision, about } = await judgeChain(binding, asQuestion(request))
      if (decision.effect === 'allow') return { allowed: true, reason: '' }
      const observed = facts.isObserved(binding.chain.actors.at(-1)?.namespace ?? '')
      const { message } = refusal(about, binding.chain, decision, '')
      const prefix = observed ? 'the namespace only observes; enforced it would be refused: ' : ''
      return { allowed: observed, reason: `${prefix}${message}` }
    },
  }
}

const EVERY_VERB = '*'
const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']
/** Subresources that are judged as create however they are reached. */
const TUNNELS = ['exec', 'attach', 'portforward']

/** As the requests that a question is about would be judged: one about every verb is about each of them. */
function asQuestion(request: JudgedRequest): JudgedRequest {
  const { attributes } = request
  const { verb, apiGroup, resource, subresource, resourceRequest } = attributes
  if (!resourceRequest) return { ...request, prospective: true }
  const isTunnel = apiGroup === '' && resource === 'pods' && TUNNELS.includes(subresource)
  const also = isTunnel && verb !== 'create' ? ['create'] : []
  const every = isImpersonable(attributes) ? [...VERBS, IMPERSONATE] : VERBS
  const alsoVerbs = verb === EVERY_VERB ? every : also
  return { ...request, attributes: { ...attributes, alsoVerbs }, prospective: true }
}

/** Of a refusal: names of Kubernetes have 253 characters at most; what is longer is somebody's joke. */
const REFUSED_NAME_MAX = 256
const REFUSED_TEXT_MAX = 1_024

/** A refused request is what the caller pleases: its texts are cut where they are longer than any use. */
function bounded(event: NewAuditEvent): NewAuditEvent {
  const { attributes } = event
  const { apiGroup, apiVersion, resource, subresource, namespace, name, path } = attributes
  const names = { apiGroup, apiVersion, resource, subresource, namespace, name }
  const cutNames = Object.entries(names).map(([key, text]) => [key, cut(text, REFUSED_NAME_MAX)])
  return {
    ...event,
    attributes: {
      ...attributes,
      ...(Object.fromEntries(cutNames) as typeof names),
      path: cut(path, REFUSED_TEXT_MAX),
    },
    message: cut(event.message, REFUSED_TEXT_MAX),
  }
}

function cut(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`
}

const USER_AGENT_MAX = 256

/** A user agent is the caller's own words: kept short, and nothing in it moves a terminal. */
function toPlainText(text: string): string {
  return text.slice(0, USER_AGENT_MAX).replaceAll(/[^\x20-\x7e]/g, '?')
}
