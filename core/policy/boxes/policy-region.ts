import type { AccessPolicy, PolicyRule } from '../access-policy.ts'
import { type Box, commonBox, toBox } from './box.ts'
import { type Region, regionWithout, unionOfRegions } from './region.ts'
import { coveredBoxes, reachedBoxes, shownBoxes } from './scope-boxes.ts'
import { onlyTexts, type TextSet } from './text-set.ts'

/**
 * What the policies of one principal let pass, exactly, one verb at a time. Besides the dimensions of a request there
 * are:
 *
 * - `guard`: the guard that the request runs into, or `none`.
 * - `when SOURCE`: what a condition says, `true`, `false` or `error`; nothing is known of how conditions hang together.
 * - `mask NAME`, `record LEVEL`, `commands RULES`, `approval RULE`: `undone` where the request passes without it.
 */
export function policyRegion(policies: readonly Pick<AccessPolicy, 'rules'>[]): Region {
  const rules = policies.flatMap((policy) => policy.rules)
  return regionWithout(
    unionOfRegions(rules.flatMap((rule) => allowedBoxes(rule))),
    unionOfRegions(rules.flatMap(refusedBoxes)),
  )
}

/** What a rule refuses, or refuses while something is undone. */
export function refusedBoxes(rule: PolicyRule): Region {
  if (rule.effect !== 'Deny') return obligedBoxes(rule)
  return within(reachedBoxes(rule), whenUnlessFalse(rule))
}

/** What a rule allows while nothing refuses it: a condition that cannot be told allows nothing. */
export function allowedBoxes(rule: PolicyRule): Region {
  if (rule.effect === 'Deny') return []
  const guard = onlyTexts(['none', ...rule.lifts])
  return within(coveredBoxes(rule), { guard, ...whenOf(rule, ['true']) })
}

/** What passes only with something done is what is refused while it is undone. */
function obligedBoxes(rule: PolicyRule): readonly Box[] {
  const { mask, record } = rule.obligations
  const when = whenUnlessFalse(rule)
  const undone = (key: string) => ({ [key]: onlyTexts(['undone']), ...when })
  const reached = reachedBoxes(rule)
  // Who records all records the output.
  const levels = { none: [], output: ['output'], all: ['output', 'all'] }[record]
  const keys = [
    ...levels.map((level) => `record ${level}`),
    ...(rule.commands === undefined ? [] : [`commands ${textOfCommands(rule.commands)}`]),
    ...(rule.effect === 'RequireApproval' ? [`approval ${textOfApproval(rule)}`] : []),
  ]
  return [
    ...mask.flatMap((name) => within(shownBoxes(rule), undone(`mask ${name}`))),
    ...keys.flatMap((key) => within(reached, undone(key))),
  ]
}

function whenUnlessFalse(rule: PolicyRule): Readonly<Record<string, TextSet>> {
  return whenOf(rule, ['true', 'error'])
}

function whenOf(
  { when }: PolicyRule,
  values: readonly string[],
): Readonly<Record<string, TextSet>> {
  return when === undefined ? {} : { [`when ${when.source}`]: onlyTexts(values) }
}

function within(boxes: readonly Box[], sets: Readonly<Record<string, TextSet>>): readonly Box[] {
  const narrower = toBox(sets)
  return boxes.flatMap((box) => {
    const both = narrower === undefined ? undefined : commonBox(box, narrower)
    return both === undefined ? [] : [both]
  })
}

function textOfCommands({ allow, deny }: NonNullable<PolicyRule['commands']>): string {
  return JSON.stringify({ ...(allow === undefined ? {} : { allow }), deny })
}

/** Whatever a rule says of its approval: two rules that say something else ask for something else. */
function textOfApproval(rule: PolicyRule): string {
  return JSON.stringify((rule as { readonly approval?: unknown }).approval ?? rule.name)
}
