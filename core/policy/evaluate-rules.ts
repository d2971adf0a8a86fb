import type { ChainPrincipal } from '../chain.ts'
import type { PodTemplateBody } from '../commands/container-command.ts'
import { deniedLines, firstLineRefusal, firstRefusal, parseExec } from '../commands/judge-exec.ts'
import { firstTemplateRefusal } from '../commands/judge-template.ts'
import type { TypedLine } from '../commands/typed-line.ts'
import { judgedVerbs, type RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { AccessPolicy, PolicyRule } from './access-policy.ts'
import type { Decision, Deny, DenyReason } from './decision.ts'
import { heldRules } from './held-rules.ts'
import { masksOf } from './mask-answers.ts'
import { ruleAllows, ruleDenies, ruleNarrows } from './match-rule.ts'
import { NO_OBLIGATIONS, unionOf } from './obligations.ts'
import { obligationsAbout } from './record-tunnels.ts'
import { rulesAbout } from './rules-about.ts'

/** The policies that name a principal. */
interface PoliciesInForce {
  readonly policies: readonly AccessPolicy[]
  /** Names of those that cannot be used. */
  readonly invalidPolicies: readonly string[]
}

/** A refusal by nothing that matched. */
export function deny(reason: DenyReason, rule = '', refusedBy?: ChainPrincipal): Deny {
  const principal = refusedBy === undefined ? {} : { refusedBy }
  return { effect: 'deny', reason, rule, ...principal, matches: [] }
}

/**
 * What the rules of these policies together say of one request of a principal: any Deny refuses, each judged verb needs
 * an Allow, and what must be done adds up.
 */
export function evaluateRules(
  attributes: RequestAttributes,
  principal: ChainPrincipal,
  policies: readonly AccessPolicy[],
  template: PodTemplateBody | undefined,
): Decision {
  const matched = matchRules(policies, attributes)
  const rules = matched.map(({ name, rule }) => ({ name, effect: rule.effect }))
  const matches = rules.length === 0 ? [] : [{ principal, rules }]
  const denying = matched.find(({ rule }) => rule.effect === 'Deny')
  if (denying !== undefined) return { ...deny('policy_denies', denying.name, principal), matches }
  const allowing = judgedVerbs(attributes).map((verb) =>
    matched.find(({ rule }) => ruleAllows(rule, attributes, verb)),
  )
  if (allowing.includes(undefined)) return { ...deny('no_rule', '', principal), matches }
  const { refused, lines } = judgeCommands(attributes, matched)
  if (refused !== undefined) {
    const { rule, because } = refused
    return { ...deny('command_denied', rule.name, principal), detail: because, matches }
  }
  const pods =
    template === undefined ? undefined : judgeTemplate(attributes, { policies }, template)
  if (pods !== undefined)
    return { ...deny('command_denied', pods.rule, principal), ...pods, matches }
  const obliged = matched.map(({ rule }) => obligationsAbout(rule.obligations, attributes))
  if (lines.length > 0) obliged.push({ ...NO_OBLIGATIONS, commands: lines })
  obliged.push(masksOf(policies, attributes))
  const shared = { matches, obligations: unionOf(obliged) }
  const held = heldRules(matched, principal)
  const [first] = held
  if (first !== undefined) {
    const rule = first.name
    return {
      effect: 'hold',
      reason: 'approval_required',
      heldFor: principal,
      rule,
      held,
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
  principals: readonly PoliciesInForce[],
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
  { policies }: Pick<PoliciesInForce, 'policies'>,
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
    rulesAbout(policy.rules, attributes)
      .filter(
        (rule) =>
          ruleDenies(rule, attributes) ||
          ruleNarrows(rule, attributes) ||
          verbs.some((verb) => ruleAllows(rule, attributes, verb)),
      )
      .map((rule) => ({ name: `${policy.name}/${rule.name}`, rule })),
  )
}
