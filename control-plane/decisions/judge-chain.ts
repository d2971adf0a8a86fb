import type { JudgedRequest } from '../../core/authorization/question.ts'
import type { ChainPrincipal } from '../../core/chain.ts'
import { type PodTemplateBody, unreadableBody } from '../../core/commands/container-command.ts'
import type { TypedLine } from '../../core/commands/typed-line.ts'
import { Fault } from '../../core/fault.ts'
import type { ExecAttributes } from '../../core/kubernetes/exec-attributes.ts'
import {
  type Impersonation,
  impersonatedUser,
  impersonationAttributes,
} from '../../core/kubernetes/impersonation.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { writesTemplate } from '../../core/kubernetes/template-write.ts'
import type { MaskName } from '../../core/masking/mask-rules.ts'
import { type Decision, type Deny, strictest } from '../../core/policy/decision.ts'
import { type DefaultDecision, evaluate, evaluateGuards } from '../../core/policy/evaluate.ts'
import { refuseLine } from '../../core/policy/evaluate-rules.ts'
import { type GuardFacts, reachesIntoPod, whatBodyMakes } from '../../core/policy/guards.ts'
import { withMasks } from '../../core/policy/mask-answers.ts'
import { withoutLines, withRecording } from '../../core/policy/record-tunnels.ts'
import type { RecordingLevel } from '../../core/recording/session-event.ts'
import { type ChainLapses, principalsOf } from '../chains/chain-lapses.ts'
import { haveSameRoot } from '../chains/requesters.ts'
import type { AccessReviewer } from '../kubernetes/access-reviewer.ts'
import type { ClusterFacts } from '../kubernetes/cluster-facts.ts'
import type { PodReader } from '../kubernetes/pod-reader.ts'
import type { PodBinding, PodBindingStore } from '../store/pod-binding-store.ts'
import { type AskedBy, createPoliciesOf, gatherPrincipals } from './gather-principals.ts'

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
  readonly now: () => number
  /** How much of every tunnel is recorded; absent: nothing. */
  readonly recordingDefault?: RecordingLevel
  /** What is masked for every chain; absent: nothing. */
  readonly maskingDefault?: readonly MaskName[]
  /** Whom tokens for the API server are for, besides the usual ones; absent: every token may be one. */
  readonly apiAudiences?: readonly string[] | undefined
}

/** Judges one request of a pod; records nothing. Throws `decision_unavailable` when it cannot. */
export type JudgeChain = (binding: PodBinding, request: JudgedRequest) => Promise<Judgement>

/** Throws `decision_unavailable` while something that decisions rest on may have been missed. */
export function requireSync(facts: Pick<ClusterFacts, 'problem'>): void {
  const problem = facts.problem()
  if (problem === undefined) return
  throw new Fault('decision_unavailable', `Cannot decide yet: ${problem}`)
}

/** Judges lines that are typed into open sessions; see `refuseLine`. Throws `decision_unavailable` when it cannot. */
export function createRefuseLine(deps: Pick<JudgeDeps, 'facts' | 'lapses' | 'now'>) {
  return (binding: PodBinding, question: JudgedRequest, typed: TypedLine): string | undefined => {
    requireSync(deps.facts)
    if (deps.lapses.lapseOf(binding) !== undefined) return 'the chain of the pod has ended'
    const { impersonation } = question
    const also =
      impersonation === undefined
        ? []
        : [{ role: 'impersonated' as const, user: impersonatedUser(impersonation) }]
    const attributes = withExec(question)
    const policiesOf = createPoliciesOf(deps, { binding, request: question }, attributes)
    return refuseLine(attributes, typed, [...principalsOf(binding), ...also].map(policiesOf))
  }
}

/** Gathers what a decision rests on and has `core/policy` decide. */
export function createJudgeChain(deps: JudgeDeps): JudgeChain {
  const judgeByKnown = createJudgeByKnown(deps)
  return async function judgeChain(binding, request) {
    requireSync(deps.facts)
    return judgeByKnown(binding, request)
  }
}

/**
 * As `createJudgeChain`, by what is known, though something may have been missed: only a denial may be
 * believed without `requireSync`.
 */
export function createJudgeByKnown(deps: JudgeDeps): JudgeChain {
  const judgeByRules = createJudgeByRules(deps)
  const level = deps.recordingDefault ?? 'none'
  return async function judgeByKnown(binding, request) {
    const { decision, about } = await judgeByRules(binding, request)
    const masked = withMasks(decision, request.attributes, deps.maskingDefault ?? [])
    const recorded = withRecording(masked, request.attributes, level)
    const caller = binding.chain.actors.at(-1)
    const observed = deps.facts.isObserved(caller?.namespace ?? '')
    return { decision: observed ? withoutLines(recorded) : recorded, about }
  }
}

function createJudgeByRules(deps: JudgeDeps): JudgeChain {
  return async function judgeByRules(binding, request) {
    const chain = principalsOf(binding)
    const { impersonation } = request
    const attributes = withExec(request)
    const lapse = deps.lapses.lapseOf(binding)
    // Nobody is asked about a chain that has ended.
    if (lapse !== undefined) {
      return { decision: { effect: 'deny', ...lapse, matches: [] }, about: attributes }
    }
    if (impersonation === undefined) {
      const guard = await gatherGuard(deps, binding, request)
      const asked = { binding, request }
      const decision = await judge(deps, asked, chain, attributes, guard, templateOf(request))
      return { decision, about: attributes }
    }
    const asked = { binding, request }
    const needed = await judgeImpersonation(deps, asked, impersonation)
    const refused = needed.find(({ decision }) => decision.effect === 'deny')
    if (refused !== undefined) return refused
    // Narrower, never wider: the chain must be able to make the request, and who is impersonated too.
    const user = impersonatedUser(impersonation)
    const guard = await gatherGuard(deps, binding, request)
    const everyone = [...chain, { role: 'impersonated' as const, user }]
    const own = await judge(deps, asked, everyone, attributes, guard, templateOf(request))
    return together({ decision: own, about: attributes }, needed)
  }
}

/** Of a sidecar that does not say what an exec runs: it may be anything, so rules for commands refuse it. */
const ANY_EXEC: ExecAttributes = {
  ...{ command: [], env: [], container: '' },
  ...{ stdin: true, stdout: true, stderr: true, tty: true },
}

function withExec({ attributes, prospective }: JudgedRequest): RequestAttributes {
  const { exec, apiGroup, resource, subresource } = attributes
  if (exec !== undefined || prospective === true || resource !== 'pods') return attributes
  const runs = apiGroup === '' && (subresource === 'exec' || subresource === 'attach')
  return runs ? { ...attributes, exec: ANY_EXEC } : attributes
}

const SAYS_NOTHING = unreadableBody(
  'the sidecar of this pod does not say what the pods would run; recreate the pod to get a newer sidecar',
)

/** What the pods would run that a request makes. A question in general is about none in particular. */
function templateOf({ attributes, prospective, template }: JudgedRequest) {
  if (prospective === true || !writesTemplate(attributes)) return undefined
  return template ?? SAYS_NOTHING
}

/** The judgement of a request that needs other things as well, none of which is denied. */
function together(own: Judgement, needed: readonly Judgement[]): Judgement {
  const decision = strictest([own.decision, ...needed.map((other) => other.decision)])
  const held = needed.find((other) => other.decision.effect === 'hold')
  const about = decision.effect === 'hold' && own.decision.effect !== 'hold' ? held : own
  return { decision, about: (about ?? own).about }
}

/** Of these, an impersonation has neither a namespace that is injected nor a pod that it reaches. */
const NO_GUARD_FACTS: GuardFacts = {
  namespaceInjected: false,
  targetContainer: '',
  targetRoot: 'unknown',
}

/** What is decided about each thing that the impersonation takes, up to the first refusal. */
async function judgeImpersonation(
  deps: JudgeDeps,
  asked: AskedBy,
  impersonation: Impersonation,
): Promise<readonly Judgement[]> {
  const chain = principalsOf(asked.binding)
  const wanted = impersonationAttributes(impersonation)
  // Guards first: without the lift nobody is reviewed.
  for (const about of wanted) {
    const policies = chain.map(createPoliciesOf(deps, asked, about))
    const decision = evaluateGuards(about, { principals: policies, guard: NO_GUARD_FACTS })
    if (decision !== undefined) {
      return [{ decision: withProblem(decision, impersonation), about }]
    }
  }
  const [first] = wanted
  if (impersonation.problem !== '' && first !== undefined) {
    const guard = 'impersonation'
    const decision: Deny = { effect: 'deny', reason: 'guard', rule: guard, guard, matches: [] }
    return [{ decision: withProblem(decision, impersonation), about: first }]
  }
  const judged: Judgement[] = []
  for (const about of wanted) {
    const decision = await judge(deps, asked, chain, about, NO_GUARD_FACTS)
    judged.push({ decision, about })
    if (decision.effect === 'deny') break
  }
  return judged
}

function withProblem(deny: Deny, { problem }: Impersonation): Deny {
  return problem === '' ? deny : { ...deny, detail: problem }
}

async function judge(
  deps: JudgeDeps,
  asked: AskedBy,
  principals: readonly ChainPrincipal[],
  attributes: RequestAttributes,
  guard: GuardFacts,
  template?: PodTemplateBody,
): Promise<Decision> {
  const decision = evaluate(attributes, {
    principals: await gatherPrincipals(deps, principals, asked, attributes),
    guard,
    ...(template === undefined ? {} : { template }),
    closed: asked.binding.chain.closed !== undefined,
    defaultDecision: deps.defaultDecision,
  })
  if (decision.effect === 'deny' && decision.reason === 'access_unknown') {
    throw new Fault('decision_unavailable', 'Cannot decide: kube-apiserver did not review access')
  }
  return decision
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
