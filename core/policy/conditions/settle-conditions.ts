import type { RequestAttributes } from '../../kubernetes/request-attributes.ts'
import type { ParsedLimit } from '../access-limit.ts'
import type { PolicyRule } from '../access-policy.ts'
import { scopeReaches, showsObjects } from '../match-rule.ts'
import { forOneRequest, rulesAbout } from '../rules-about.ts'
import type { ConditionInput } from './condition-input.ts'

interface WithRules {
  readonly rules: readonly PolicyRule[]
}

/** Policies, or limits, of which every condition that matters for a request has been asked. */
export interface Settled<Item> {
  readonly settled: readonly Item[]
  /** Whether a condition was asked: the same request may have another answer later. */
  readonly conditional: boolean
}

/**
 * The policies as they are for one request. A rule whose condition holds is as if it had none; one whose condition
 * does not hold is left out, and so is what is about other resources. Where that cannot be told, the rule stays with its condition, and only narrows. So does a
 * rule that is not about the request: it may still say what pods that the request makes would run.
 */
export function settleConditions<Item extends WithRules>(
  items: readonly Item[],
  attributes: RequestAttributes,
  inputOf: () => ConditionInput,
): Settled<Item> {
  if (!items.some(hasConditions)) return { settled: items, conditional: false }
  let conditional = false
  const settle = (rule: PolicyRule): readonly PolicyRule[] => {
    const { when } = rule
    if (when === undefined) return [rule]
    if (!scopeReaches(rule, attributes) && !showsObjects(rule, attributes)) return [rule]
    conditional = true
    const holds = when.holds(inputOf())
    if (holds === undefined) return [rule]
    return holds ? [withoutCondition(rule)] : []
  }
  const settled = items.map((item) => {
    if (!hasConditions(item)) return item
    const about = rulesAbout(item.rules, attributes)
    // What pods would run may be ruled by what is said of an exec into them.
    const runs = item.rules.filter((one) => one.commands !== undefined && !about.includes(one))
    return { ...item, rules: forOneRequest([...about, ...runs].flatMap(settle)) }
  })
  return { settled, conditional }
}

/** As `settleConditions`; what is not valid stays as it is. */
export function settleLimits(
  limits: readonly ParsedLimit[],
  attributes: RequestAttributes,
  inputOf: () => ConditionInput,
): Settled<ParsedLimit> {
  let conditional = false
  const settled = limits.map((one): ParsedLimit => {
    if (!one.ok) return one
    const { settled: only, conditional: asked } = settleConditions([one.limit], attributes, inputOf)
    const [limit = one.limit] = only
    conditional ||= asked
    return limit === one.limit ? one : { ok: true, limit }
  })
  return { settled, conditional }
}

/** Whether the answers of a policy change by themselves, as time goes by. */
export function readsTime({ rules }: WithRules): boolean {
  return rules.some(({ when }) => when?.readsTime === true)
}

/* Policies and rules are never changed, so what follows from them is found once. */
const conditionals = new WeakMap<WithRules, boolean>()
const unconditional = new WeakMap<PolicyRule, PolicyRule>()

function hasConditions(item: WithRules): boolean {
  let known = conditionals.get(item)
  if (known === undefined) {
    known = item.rules.some(({ when }) => when !== undefined)
    conditionals.set(item, known)
  }
  return known
}

function withoutCondition(rule: PolicyRule): PolicyRule {
  let known = unconditional.get(rule)
  if (known === undefined) {
    const { when: _asked, ...others } = rule
    known = others
    unconditional.set(rule, known)
  }
  return known
}
