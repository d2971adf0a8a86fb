import type { PolicyRule } from './access-policy.ts'
import { boxOutside, commonRegion, type Region } from './boxes/region.ts'
import { coveredBoxes, reachedBoxes } from './boxes/scope-boxes.ts'
import { isFree } from './obligations.ts'

/** Something that can be meant, and most often is not. */
export interface RuleWarning {
  /** Such as `spec.rules[2].verbs`. */
  readonly path: string
  /** What is odd, and what to write instead. */
  readonly message: string
}

/** Rules that are valid, and that can never match, add nothing, or do something else than they seem to. */
export function lintRules(rules: readonly PolicyRule[]): readonly RuleWarning[] {
  return rules.flatMap((rule, index) => {
    const path = `spec.rules[${index}]`
    return [
      ...verbWarnings(rule, path),
      ...nameWarnings(rule, path),
      ...shellWarnings(rule, path, rules),
      ...shadowWarnings(rule, path, rules),
    ]
  })
}

/** Verbs that kube-apiserver's authorizer knows of some request. */
const VERBS: ReadonlySet<string> = new Set([
  ...['*', 'get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'],
  ...['impersonate', 'bind', 'escalate', 'approve', 'sign', 'attest', 'use', 'proxy'],
])

function verbWarnings({ verbs }: PolicyRule, path: string): readonly RuleWarning[] {
  const odd = verbs.filter((verb) => !VERBS.has(verb) && !verb.includes(':'))
  return odd.map((verb) => ({
    path: `${path}.verbs`,
    message: `no request has the verb ${JSON.stringify(verb)}; there are get, list, watch, create, update, patch, delete and deletecollection`,
  }))
}

/** A create of an object names nothing; one of a subresource, such as an exec, names its object. */
const NAMELESS = ['create', 'deletecollection']

function nameWarnings(rule: PolicyRule, path: string): readonly RuleWarning[] {
  if (rule.resourceNames === undefined) return []
  const isMain = rule.resources.some((resource) => !resource.includes('/'))
  const nameless = NAMELESS.filter((verb) => rule.verbs.includes(verb))
  const at = `${path}.resourceNames`
  if (!isMain) return []
  if (rule.effect === 'Deny') {
    const verb = rule.verbs.includes('*') ? 'create' : nameless[0]
    return verb === undefined
      ? []
      : [
          {
            path: at,
            message: `a ${verb} names no object, so the rule denies every ${verb}; leave the verb out if only the named objects are meant`,
          },
        ]
  }
  return nameless.map((verb) => ({
    path: at,
    message: `a ${verb} names no object, so the rule never allows it; write a rule without resourceNames for ${verb}`,
  }))
}

const SHELLS = ['pods/exec', 'pods/attach', 'pods/portforward']

/** kubectl sends a GET first. */
function shellWarnings(
  rule: PolicyRule,
  path: string,
  rules: readonly PolicyRule[],
): readonly RuleWarning[] {
  if (rule.effect === 'Deny' || !rule.verbs.includes('create') || rule.verbs.includes('get'))
    return []
  const shell = rule.resources.find((resource) => SHELLS.includes(resource))
  if (shell === undefined) return []
  const [resource = '', subresource = ''] = shell.split('/')
  const asGet = { ...rule, verbs: ['get'], resources: [`${resource}/${subresource}`] }
  const others = rules.filter((other) => other !== rule && other.effect !== 'Deny')
  if (boxOutside(coveredBoxes(asGet), others.flatMap(coveredBoxes)) === undefined) return []
  return [
    {
      path: `${path}.verbs`,
      message: `kubectl opens ${shell} by a GET over WebSocket, which needs get besides create; add get`,
    },
  ]
}

function shadowWarnings(
  rule: PolicyRule,
  path: string,
  rules: readonly PolicyRule[],
): readonly RuleWarning[] {
  const others = rules.filter((other) => other !== rule && other.when === undefined)
  const denies = others.filter(({ effect }) => effect === 'Deny')
  if (rule.effect === 'Deny') {
    const before = denies.filter((other) => rules.indexOf(other) < rules.indexOf(rule))
    return isWithin(reachedBoxes(rule), before.flatMap(reachedBoxes))
      ? [
          {
            path,
            message: `the rule adds nothing: ${namesOf(before, rule)} denies all that it denies`,
          },
        ]
      : []
  }
  const own = coveredBoxes(rule)
  if (isWithin(own, denies.flatMap(reachedBoxes))) {
    return [
      {
        path,
        message: `the rule never allows anything: ${namesOf(denies, rule)} denies all that it covers`,
      },
    ]
  }
  const isPlain = rule.effect === 'Allow' && isFree(rule.obligations) && rule.commands === undefined
  const wider = others.filter(
    (other) =>
      other.effect === 'Allow' &&
      rule.lifts.every((guard) => other.lifts.includes(guard)) &&
      // Of two that cover the same, the second is the one too many.
      (rules.indexOf(other) < rules.indexOf(rule) || !isWithin(coveredBoxes(other), own)),
  )
  return isPlain && isWithin(own, wider.flatMap(coveredBoxes))
    ? [
        {
          path,
          message: `the rule adds nothing: ${namesOf(wider, rule)} allows all that it allows`,
        },
      ]
    : []
}

function isWithin(inner: Region, outer: Region): boolean {
  return inner.length > 0 && boxOutside(inner, outer) === undefined
}

/** The rule that does it alone, or those that do it together. */
function namesOf(rules: readonly PolicyRule[], rule: PolicyRule): string {
  const boxesOf = (one: PolicyRule) =>
    one.effect === 'Deny' ? reachedBoxes(one) : coveredBoxes(one)
  const own = boxesOf(rule)
  const alone = rules.find((other) => boxOutside(own, boxesOf(other)) === undefined)
  if (alone !== undefined) return `rule ${JSON.stringify(alone.name)}`
  const sharing = rules.filter((other) => commonRegion(own, boxesOf(other)).length > 0)
  return `${sharing.map(({ name }) => JSON.stringify(name)).join(' and ')} together`
}
