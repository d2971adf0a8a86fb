import type { ChainPrincipal } from '../core/chain.ts'
import { Fault } from '../core/fault.ts'
import type { CredentialBody } from '../core/kubernetes/credential-body.ts'
import {
  type Impersonation,
  impersonatedUser,
  impersonationAttributes,
} from '../core/kubernetes/impersonation.ts'
import type { RequestAttributes } from '../core/kubernetes/request-attributes.ts'
import {
  type Decision,
  type DefaultDecision,
  type Deny,
  evaluate,
  evaluateGuards,
  needsReview,
  type PrincipalFacts,
} from '../core/policy/evaluate.ts'
import { type GuardFacts, reachesIntoPod, whatBodyMakes } from '../core/policy/guards.ts'
import { type ChainLapses, principalsOf } from './chains/chain-lapses.ts'
import { haveSameRoot } from './chains/requesters.ts'
import { type Share, shareOf } from './fair-turns.ts'
import type { AccessReviewer } from './kubernetes/access-reviewer.ts'
import type { ClusterFacts } from './kubernetes/cluster-facts.ts'
import type { PodReader } from './kubernetes/pod-reader.ts'
import type { PodBinding, PodBindingStore } from './store/pod-binding-store.ts'

/** What is judged of one request. */
export interface JudgedRequest {
  readonly attributes: RequestAttributes
  readonly targetContainer: string
  /** As whom the request is made; absent when as the pod itself. */
  readonly impersonation?: Impersonation | undefined
  /** A question about what may be asked: without a name it is about the pods that the chain launched. */
  readonly prospective?: true
  /** What the body of a TokenRequest or of a new Secret says, where the sidecar could read it. */
  readonly credentialBody?: CredentialBody
}

export interface Judgement {
  readonly decision: Decision
  /** What the decision speaks of: the request, or the impersonation that it needs. */
  readonly about: RequestAttributes
}

export interface JudgeDeps {
  readonly facts: ClusterFacts
  readonly access: AccessReviewer
  readonly bindings: Pick<PodBindingStore, 'find'>
  /** Which pod a request reaches: asked only of requests that reach into one. */
  readonly readPodUid: PodReader
  /** Whether the chain has ended. */
  readonly lapses: ChainLapses
  readonly defaultDecision: DefaultDecision
  /** Whom tokens for the API server are for, besides the usual ones; absent: every token may be one. */
  readonly apiAudiences?: readonly string[] | undefined
}

/** Judges one request of a pod; records nothing. Throws `decision_unavailable` when it cannot. */
export type JudgeChain = (binding: PodBinding, request: JudgedRequest) => Promise<Judgement>

/** Gathers what a decision rests on and has `core/policy` decide. */
export function createJudgeChain(deps: JudgeDeps): JudgeChain {
  return async function judgeChain(binding, request) {
    const problem = deps.facts.problem()
    if (problem !== undefined) {
      throw new Fault('decision_unavailable', `Cannot decide yet: ${problem}`)
    }
    const chain = principalsOf(binding)
    const { attributes, impersonation } = request
    const lapse = deps.lapses.lapseOf(binding)
    // Nobody is asked about a chain that has ended.
    if (lapse !== undefined) return { decision: { effect: 'deny', ...lapse }, about: attributes }
    if (impersonation === undefined) {
      const guard = await gatherGuard(deps, binding, request)
      return { decision: await judge(deps, binding, chain, attributes, guard), about: attributes }
    }
    const refused = await judgeImpersonation(deps, binding, impersonation)
    if (refused !== undefined) return refused
    // Narrower, never wider: the chain must be able to make the request, and who is impersonated too.
    const user = impersonatedUser(impersonation)
    const guard = await gatherGuard(deps, binding, request)
    const everyone = [...chain, { role: 'impersonated' as const, user }]
    return { decision: await judge(deps, binding, everyone, attributes, guard), about: attributes }
  }
}

/** Of these, an impersonation has neither a namespace that is injected nor a pod that it reaches. */
const NO_GUARD_FACTS: GuardFacts = {
  namespaceInjected: false,
  targetContainer: '',
  targetRoot: 'unknown',
}

/** The first refusal; undefined when every principal may impersonate all of it. */
async function judgeImpersonation(
  deps: JudgeDeps,
  binding: PodBinding,
  impersonation: Impersonation,
): Promise<Judgement | undefined> {
  const chain = principalsOf(binding)
  const wanted = impersonationAttributes(impersonation)
  // Guards first: without the lift nobody is reviewed.
  const policies = chain.map((principal) => policiesOf(deps, principal))
  for (const about of wanted) {
    const decision = evaluateGuards(about, { principals: policies, guard: NO_GUARD_FACTS })
    if (decision !== undefined) {
      return { decision: withProblem(decision, impersonation), about }
    }
  }
  const [about] = wanted
  if (impersonation.problem !== '' && about !== undefined) {
    const guard = 'impersonation'
    const decision: Deny = { effect: 'deny', reason: 'guard', rule: guard, guard }
    return { decision: withProblem(decision, impersonation), about }
  }
  for (const about of wanted) {
    const decision = await judge(deps, binding, chain, about, NO_GUARD_FACTS)
    if (decision.effect === 'deny') return { decision, about }
  }
  return undefined
}

function withProblem(deny: Deny, { problem }: Impersonation): Deny {
  return problem === '' ? deny : { ...deny, detail: problem }
}

async function judge(
  deps: JudgeDeps,
  binding: PodBinding,
  principals: readonly ChainPrincipal[],
  attributes: RequestAttributes,
  guard: GuardFacts,
): Promise<Decision> {
  const asker = shareOf(binding)
  const gathered = principals.map((principal) =>
    gatherPrincipal(deps, principal, attributes, asker),
  )
  const decision = evaluate(attributes, {
    principals: await Promise.all(gathered),
    guard,
    closed: binding.chain.closed !== undefined,
    defaultDecision: deps.defaultDecision,
  })
  if (decision.effect === 'deny' && decision.reason === 'access_unknown') {
    throw new Fault('decision_unavailable', 'Cannot decide: kube-apiserver did not review access')
  }
  return decision
}

function policiesOf({ facts }: JudgeDeps, principal: ChainPrincipal): PrincipalFacts {
  const { policies, invalid } = facts.policiesFor(principal.user)
  return {
    principal,
    policies,
    invalidPolicies: invalid.map(({ name }) => name),
    access: 'unknown',
  }
}

/** Facts about one principal; a review is asked for only where it counts. */
function gatherPrincipal(
  deps: JudgeDeps,
  principal: ChainPrincipal,
  attributes: RequestAttributes,
  asker: Share,
): PrincipalFacts | Promise<PrincipalFacts> {
  const gathered = policiesOf(deps, principal)
  if (!needsReview(attributes, gathered, deps.defaultDecision)) return gathered
  const known = deps.access.peek(principal.user, attributes)
  if (known !== undefined) return { ...gathered, access: known }
  return deps.access
    .review(principal.user, attributes, asker)
    .then((answer) => ({ ...gathered, access: answer }))
}

async function gatherGuard(
  deps: JudgeDeps,
  binding: PodBinding,
  { attributes, targetContainer, prospective, credentialBody }: JudgedRequest,
): Promise<GuardFacts> {
  const reaches = reachesIntoPod(attributes)
  const own = prospective === true && attributes.name === '' && attributes.resource !== 'bindings'
  const makes = whatBodyMakes(credentialBody, attributes, deps.apiAudiences)
  return {
    ...(makes === undefined ? {} : { makes }),
    namespaceInjected: deps.facts.isInjected(attributes.namespace),
    targetContainer,
    targetRoot: own
      ? 'same'
      : reaches
        ? await readTargetRoot(deps, binding, attributes)
        : 'unknown',
  }
}

/**
 * By the UID of the pod that has the name now: a binding only says that a pod of some name was
 * admitted, not that it was stored, nor that it is still there.
 */
async function readTargetRoot(
  deps: JudgeDeps,
  binding: PodBinding,
  { namespace, name }: RequestAttributes,
): Promise<GuardFacts['targetRoot']> {
  const podUid = await deps.readPodUid(namespace, name)
  const target = podUid === undefined ? undefined : await deps.bindings.find(podUid)
  if (target === undefined) return 'unknown'
  return haveSameRoot(target.chain, binding.chain) ? 'same' : 'other'
}
