import type { Effect } from '../../core/audit/audit-event.ts'
import type { JudgedRequest } from '../../core/authorization/question.ts'
import { IMPERSONATE, isImpersonable } from '../../core/kubernetes/impersonation.ts'
import type { Decision } from '../../core/policy/decision.ts'
import { isFree, NO_OBLIGATIONS, type Obligations } from '../../core/policy/obligations.ts'
import { isTunnel } from '../../core/policy/record-tunnels.ts'
import type { GrownBindings } from '../chains/grown-bindings.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { JudgeChain, JudgeDeps } from './judge-chain.ts'
import { tell } from './told.ts'

/** What would be answered. */
export interface Prospect {
  readonly effect: Effect
  readonly obligations: Obligations
  /** Why not; for what an observed namespace lets pass, what it would have been told. */
  readonly reason: string
}

interface ProspectDeps extends Pick<JudgeDeps, 'facts'> {
  readonly grown: Pick<GrownBindings, 'newest'>
}

/** What a request would be answered; records nothing, and lets nothing through. */
export async function prospect(
  { grown, facts }: ProspectDeps,
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

/** Whether whoever asks may do it: masked or recorded, they may. */
function mayPass(decision: Decision): boolean {
  return (
    decision.effect === 'allow' && isFree({ ...decision.obligations, record: 'none', mask: [] })
  )
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
