import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { PolicyRule } from './access-policy.ts'

type Rules = readonly PolicyRule[]

/** Rules by the resource that they name, without its subresource; those for every resource are in each list. */
interface RuleIndex {
  readonly byResource: ReadonlyMap<string, Rules>
  /** For a resource that no rule names. */
  readonly others: Rules
}

/* Rules are never changed. A chain may be named by ten thousand of them, of which few are about a request. */
const indexes = new WeakMap<Rules, RuleIndex | 'every rule'>()

/** In their order, the rules that can be about the resource of a request: all that are, and some that are not. */
export function rulesAbout(rules: Rules, { resource }: RequestAttributes): Rules {
  // A question about every resource is about each of them.
  if (resource === '*') return rules
  let index = indexes.get(rules)
  if (index === undefined) {
    index = toIndex(rules)
    indexes.set(rules, index)
  }
  return index === 'every rule' ? rules : (index.byResource.get(resource) ?? index.others)
}

/** Notes that rules were chosen for one request, so that to sort them would cost more than it saves. */
export function forOneRequest(rules: Rules): Rules {
  indexes.set(rules, 'every rule')
  return rules
}

function toIndex(rules: Rules): RuleIndex {
  const named = new Set(rules.flatMap(({ resources }) => resources.map(mainOf)))
  const about = (resource: string) =>
    rules.filter(({ resources }) => resources.some((one) => ['*', resource].includes(mainOf(one))))
  return {
    byResource: new Map([...named].map((resource) => [resource, about(resource)])),
    others: about('*'),
  }
}

function mainOf(pattern: string): string {
  return pattern.split('/')[0] ?? ''
}
