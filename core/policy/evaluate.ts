import { assert } from '../assert.ts'
import type { ChainPrincipal } from '../chain.ts'
import type { PodTemplateBody } from '../commands/container-command.ts'
import { deniedLines, firstLineRefusal, firstRefusal, parseExec } from '../commands/judge-exec.ts'
import { firstTemplateRefusal } from '../commands/judge-template.ts'
import type { TypedLine } from '../commands/typed-line.ts'
import { judgedVerbs, type RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { AccessPolicy, PolicyRule } from './access-policy.ts'
import { type Decision, type Deny, type DenyReason, strictest } from './decision.ts'
import type { GuardName } from './guard-names.ts'
import { type GuardFacts, guardsHit } from './guards.ts'
import { masksOf } from './mask-answers.ts'
import { ruleAllows, ruleDenies, ruleNarrows } from './match-rule.ts'
import { NO_OBLIGATIONS, unionOf } from './obligations.ts'
import { obligationsAbout } from './record-tunnels.ts'

/** What is known of one principal, gathered beforehand. */
export interface PrincipalFacts {
  readonly principal: ChainPrincipal
  /** Policies that name it. */
  readonly policies: readonly AccessPolicy[]
  /** Names of policies that name it and cannot be used. */
  readonly invalidPolicies: readonly string[]
  /**
   * What the cluster's authorizer says of all judged verbs. Read only where `needsReview` is true.
   * `unknown` is no.
   */
  readonly access: 'allowed' | 'denied' | 'unknown'
}

/** Everything a decision depends on, so that deciding never waits. */
export interface Facts {
  /** One for each principal of the chain; an empty list denies. */
  readonly principals: readonly PrincipalFacts[]
  readonly guard: GuardFacts
  /** What the pods would run that the request makes; absent of a request that makes none. */
  readonly template?: PodTemplateBody
  /** The chain's own word: its pods may do nothing. */
  readonly closed?: boolean
  /** What holds for a principal that no policy names. */
  readonly defaultDecision: DefaultDecision
}

export type DefaultDecision = 'SubjectAccessReview' | 'Deny'

/**
 * Whether the cluster's authorizer must be asked about a principal: no policy names it, the request is
 * for a URL outside the resource API, of which policies do not speak, or it only asks what one may do.
 */
export function needsReview(
  attributes: RequestAttributes,
  facts: Pick<PrincipalFacts, 'policies' | 'invalidPolicies'>,
  defaultDecision: DefaultDecision,
): boolean {
  if (!attributes.resourceRequest) return true
  const named = facts.policies.length + facts.invalidPolicies.length > 0
  return named ? isAsking(attributes) : defaultDecision === 'SubjectAccessReview'
}

const SELF_REVIEWS = ['selfsubjectaccessreviews', 'selfsubjectrulesreviews']

/**
 * Whether a request asks what its own caller may do, or who they are. Kubernetes allows it to everybody who
 * is known (the ClusterRole system:basic-user, v1.34), and the answer is narrowed to the chain, so a policy
 * that does not speak of it takes it from nobody.
 */
function isAsking({
  verb,
  alsoVerbs,
  apiGroup,
  resource,
  subresource,
}: RequestAttributes): boolean {
  if (verb !== 'create' || alsoVerbs.length > 0 || subresource !== '') return false
  if (apiGroup === 'authorization.k8s.io') return SELF_REVIEWS.includes(resource)
  return apiGroup === 'authentication.k8s.io' && resource === 'selfsubjectreviews'
}

/**
 * Decides one request for one delegation chain: every principal must be able to make it, and no
 * guard may stand in the way. Adding a principal can only take away: deny beats hold, hold beats allow,
 * and what must be done adds up over all principals and all rules that matched.
 */
export function evaluate(attributes: RequestAttributes, facts: Facts): Decision {
  if (judgedVerbs(attributes).includes('')) return deny('verb_unknown')
  if (facts.principals.length === 0) return deny('chain_unknown')
  if (facts.closed === true) return deny('chain_closed')

  const answers = facts.principals.map((principal) => ({
    isRoot: principal.principal.role === 'root requester',
    decision: evaluatePrincipal(attributes, principal, facts),
  }))
  // The root requester's answer first: its rule stands for an allow, and it is named first in a refusal.
  const root = answers.find(({ isRoot }) => isRoot)
  assert(root !== undefined, 'one principal of a chain is its root requester')
  const others = answers.filter((answer) => answer !== root).map(({ decision }) => decision)
  const guarded = evaluateGuards(attributes, facts)
  return strictest([root.decision, ...others, ...(guarded === undefined ? [] : [guarded])])
}

/** The refusal of the first guard that stands in the way and is not lifted. Needs no reviews. */
export function evaluateGuards(
  attributes: RequestAttributes,
  facts: Pick<Facts, 'principals' | 'guard'>,
): Deny | undefined {
  const guard = guardsHit(attributes, facts.guard).find(
    (name) => !isLifted(name, attributes, facts.principals),
  )
  return guard === undefined ? undefined : { ...deny('guard', guard), guard }
}

function deny(reason: DenyReason, rule = '', refusedBy?: ChainPrincipal): Deny {
  const principal = refusedBy === undefined ? {} : { refusedBy }
  return { effect: 'deny', reason, rule, ...principal, matches: [] }
}

function evaluatePrincipal(
  attributes: RequestAttributes,
  facts: PrincipalFacts,
  { defaultDecision, template }: Pick<Facts, 'defaultDecision' | 'template'>,
): Decision {
  const { principal } = facts
  const [invalid] = facts.invalidPolicies
  if (attributes.resourceRequest && invalid !== undefined) {
    return deny('policy_invalid', invalid, principal)
  }
  const named = facts.policies.length > 0 && attributes.resourceRequest
  if (!named && needsReview(attributes, facts, defaultDecision)) return evaluateReview(facts)
  if (facts.policies.length === 0) return deny('default_denies', '', principal)
  const matched = matchRules(facts.policies, attributes)
  const rules = matched.map(({ name, rule }) => ({ name, effect: rule.effect }))
  const matches = rules.length === 0 ? [] : [{ principal, rules }]
  const denying = matched.find(({ rule }) => rule.effect === 'Deny')
  if (denying !== undefined) return { ...deny('policy_denies', denying.name, principal), matches }
  const allowing = judgedVerbs(attributes).map((verb) =>
    matched.find(({ rule }) => ruleAllows(rule, attributes, verb)),
  )
  if (allowing.includes(undefined)) {
    return isAsking(attributes)
      ? evaluateReview(facts)
      : { ...deny('no_rule', '', principal), matches }
  }
  const { refused, lines } = judgeCommands(attributes, matched)
  if (refused !== undefined) {
    const { rule, because } = refused
    return { ...deny('command_denied', rule.name, principal), detail: because, matches }
  }
  const pods = template === undefined ? undefined : judgeTemplate(attributes, facts, template)
  if (pods !== undefined)
    return { ...deny('command_denied', pods.rule, principal), ...pods, matches }
  const obliged = matched.map(({ rule }) => obligationsAbout(rule.obligations, attributes))
  if (lines.length > 0) obliged.push({ ...NO_OBLIGATIONS, commands: lines })
  obliged.push(masksOf(facts.policies, attributes))
  const shared = { matches, obligations: unionOf(obliged) }
  const holding = matched.find(({ rule }) => rule.effect === 'RequireApproval')
  if (holding !== undefined) {
    const { name } = holding
    return {
      effect: 'hold',
      reason: 'approval_required',
      heldFor: principal,
      rule: name,
      ...shared,
    }
  }
  return { effect: 'allow', reason: 'policy_allows', rule: allowing[0]?.name ?? '', ...shared }
}

/**
 * What the command rules of all matched rules say of an exec or attach: each must let the command run. And what must
 * not be typed into it.
 */
function judgeCommands(attributes: RequestAttributes, matched: readonly NamedRule[]) {
  const rules = commandRules(matched)
  const [first] = rules
  const { exec, subresource } = attributes
  // A question without them is about exec in general: some command may run.
  if (first === undefined || exec === undefined) return { refused: undefined, lines: [] }
  const node = parseExec(exec, subresource, first.commands.readScript)
  return { refused: firstRefusal(node, rules), lines: deniedLines(node, rules) }
}

function commandRules(matched: readonly NamedRule[]) {
  return matched.flatMap(({ name, rule: { commands } }) =>
    commands === undefined ? [] : [{ name, commands }],
  )
}

/**
 * Why a line may not be typed into an open exec or attach, in words; undefined when the rules of every principal let
 * it pass. Whether the session may be open at all is not asked again.
 */
export function refuseLine(
  attributes: RequestAttributes,
  typed: TypedLine,
  principals: readonly Omit<PrincipalFacts, 'access'>[],
): string | undefined {
  const { exec, subresource } = attributes
  if (exec === undefined) return 'nothing says what the session runs'
  for (const { policies, invalidPolicies } of principals) {
    const [invalid] = invalidPolicies
    if (invalid !== undefined) return `AccessPolicy ${JSON.stringify(invalid)} is not valid`
    const rules = commandRules(matchRules(policies, attributes))
    const refused = firstLineRefusal(typed, { exec, subresource }, rules)
    if (refused !== undefined) return `${refused.because} (rule ${refused.rule.name})`
  }
  return undefined
}

/** Questions about the pods of a namespace that rules for commands speak of. */
const RUN_IN_PODS = ['exec', 'attach'].map((subresource) => ({
  ...{ apiGroup: '', resource: 'pods', subresource, name: '' },
  ...{ verb: 'create', alsoVerbs: ['get'] },
}))

/**
 * What the command rules of one principal say of the pods that a request makes: those of the rules that match the
 * request, and those for an exec into such pods. Whoever may run some commands in pods may make pods of these only.
 */
export function judgeTemplate(
  attributes: RequestAttributes,
  { policies }: Pick<PrincipalFacts, 'policies'>,
  template: PodTemplateBody,
): Pick<Deny, 'rule' | 'detail' | 'wrongMediaType'> | undefined {
  const about = [attributes, ...RUN_IN_PODS.map((one) => ({ ...attributes, ...one }))]
  const rules = policies.flatMap(({ name, rules: all }) =>
    all.flatMap((rule) =>
      rule.commands !== undefined && about.some((one) => ruleNarrows(rule, one))
        ? [{ name: `${name}/${rule.name}`, commands: rule.commands }]
        : [],
    ),
  )
  const refusal = firstTemplateRefusal(template, rules)
  if (refusal === undefined) return undefined
  const { rule, because } = refusal
  const wrongMediaType = template.wrongMediaType ? { wrongMediaType: true as const } : {}
  return { rule: rule.name, detail: because, ...wrongMediaType }
}

function evaluateReview(facts: PrincipalFacts): Decision {
  if (facts.access === 'allowed') {
    const obligations = NO_OBLIGATIONS
    return { effect: 'allow', reason: 'rbac_allows', rule: '', obligations, matches: [] }
  }
  const reason = facts.access === 'denied' ? 'rbac_denies' : 'access_unknown'
  return deny(reason, '', facts.principal)
}

interface NamedRule {
  readonly name: string
  readonly rule: PolicyRule
}

/** Every rule that has a say about a request, in the order of the policies. */
function matchRules(
  policies: readonly AccessPolicy[],
  attributes: RequestAttributes,
): readonly NamedRule[] {
  const verbs = judgedVerbs(attributes)
  return policies.flatMap((policy) =>
    policy.rules
      .filter(
        (rule) =>
          ruleDenies(rule, attributes) ||
          ruleNarrows(rule, attributes) ||
          verbs.some((verb) => ruleAllows(rule, attributes, verb)),
      )
      .map((rule) => ({ name: `${policy.name}/${rule.name}`, rule })),
  )
}

/**
 * A guard is lifted when each requester (not each ancestor nor who is impersonated: they chose nothing)
 * has, for each judged verb, an Allow rule that matches and names it. All of them, so that one more requester never
 * opens a door, and a rule for reads opens none to what a read does besides.
 */
function isLifted(
  guard: GuardName,
  attributes: RequestAttributes,
  principals: readonly PrincipalFacts[],
): boolean {
  return principals
    .filter(({ principal: { role } }) => role === 'root requester' || role === 'co-requester')
    .every(({ policies }) =>
      judgedVerbs(attributes).every((verb) =>
        policies.some(({ rules }) =>
          rules.some((rule) => rule.lifts.includes(guard) && ruleAllows(rule, attributes, verb)),
        ),
      ),
    )
}
