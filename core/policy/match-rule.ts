import { judgedVerbs, type RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { PolicyRule, RuleScope } from './access-policy.ts'
import { isFree } from './obligations.ts'

/** Whether a rule that is no Deny covers one verb of a request. One with an open condition allows nothing. */
export function ruleAllows(rule: PolicyRule, attributes: RequestAttributes, verb: string): boolean {
  return rule.effect !== 'Deny' && rule.when === undefined && scopeCovers(rule, attributes, verb)
}

/** Whether the scope of a rule covers one verb of a request, as a rule of RBAC would. */
export function scopeCovers(
  scope: RuleScope,
  attributes: RequestAttributes,
  verb: string,
): boolean {
  return (
    matches(scope, attributes, [verb]) &&
    inNamespaces(scope, attributes) &&
    isNamed(scope, attributes)
  )
}

/**
 * Whether a Deny rule covers any verb that is judged. A request over all namespaces is one over
 * each of them, so a Deny for one namespace covers it; so is a question about every resource (`*`).
 */
export function ruleDenies(rule: PolicyRule, attributes: RequestAttributes): boolean {
  return rule.effect === 'Deny' && scopeReaches(rule, attributes)
}

/**
 * Whether a rule that allows only under a condition (an approval, an obligation) is about any part of
 * a request. It covers as much as a Deny does: a wider request must not escape the condition.
 */
export function ruleNarrows(rule: PolicyRule, attributes: RequestAttributes): boolean {
  const conditional =
    rule.effect === 'RequireApproval' || rule.commands !== undefined || !isFree(rule.obligations)
  return rule.effect !== 'Deny' && conditional && scopeReaches(rule, attributes)
}

/**
 * Whether the masks of a rule hold for the answer to a request. Each answer about an object shows it, whatever the verb
 * and the subresource, so a rule that masks what a `get` shows masks what a `patch` shows too.
 */
export function ruleMasks(rule: PolicyRule, attributes: RequestAttributes): boolean {
  if (rule.effect === 'Deny' || rule.obligations.mask.length === 0) return false
  return showsObjects(rule, attributes)
}

/** Whether an answer to a request, whatever the verb and the subresource, may show an object of a scope. */
export function showsObjects(rule: RuleScope, attributes: RequestAttributes): boolean {
  const { resourceRequest, apiGroup, resource, namespace } = attributes
  const isGroup = apiGroup === '*' || covers(rule.apiGroups, apiGroup)
  const isResource = rule.resources.some(
    (pattern) => resource === '*' || ['*', resource].includes(pattern.split('/')[0] ?? ''),
  )
  const isNamespace = namespace === '' || inNamespaces(rule, attributes)
  return resourceRequest && isGroup && isResource && isNamespace && mayBeNamed(rule, attributes)
}

/**
 * Whether a scope is about any part of a request: one over all namespaces reaches into each of them, and one that
 * names no object reaches every object.
 */
export function scopeReaches(rule: RuleScope, attributes: RequestAttributes): boolean {
  if (!overlaps(rule, attributes) || !mayBeNamed(rule, attributes)) return false
  return attributes.namespace === '' || inNamespaces(rule, attributes)
}

/** Whether a rule is about anything of what a request, or a question with wildcards, is about. */
function overlaps(rule: RuleScope, attributes: RequestAttributes): boolean {
  const { apiGroup, resource, subresource } = attributes
  const [group = apiGroup] = apiGroup === '*' ? rule.apiGroups : []
  const one = rule.resources.find(
    (pattern) => subresource === '' || pattern === '*' || pattern.endsWith(`/${subresource}`),
  )
  const [main = resource] = resource === '*' && one !== undefined ? one.split('/') : []
  const sub = resource === '*' && subresource === '' ? (one?.split('/')[1] ?? '') : subresource
  const wide = { ...attributes, apiGroup: group, resource: main, subresource: sub }
  return matches(rule, wide, judgedVerbs(attributes))
}

function matches(
  rule: RuleScope,
  attributes: RequestAttributes,
  verbs: readonly string[],
): boolean {
  return (
    attributes.resourceRequest &&
    verbs.some((verb) => verb !== '' && covers(rule.verbs, verb)) &&
    covers(rule.apiGroups, attributes.apiGroup) &&
    coversResource(rule.resources, attributes)
  )
}

function covers(patterns: readonly string[], value: string): boolean {
  return patterns.includes('*') || patterns.includes(value)
}

/** As RBAC does: `*` covers subresources too, `pods` does not cover `pods/log`, `*` + `/scale` does every scale. */
function coversResource(patterns: readonly string[], attributes: RequestAttributes): boolean {
  const { resource, subresource } = attributes
  if (patterns.includes('*')) return true
  if (subresource === '') return patterns.includes(resource)
  return patterns.includes(`${resource}/${subresource}`) || patterns.includes(`*/${subresource}`)
}

/** As RBAC does: a request that names no object is not one for an object of the list. */
function isNamed({ resourceNames }: RuleScope, { name }: RequestAttributes): boolean {
  return resourceNames === undefined || (name !== '' && resourceNames.includes(name))
}

function mayBeNamed(scope: RuleScope, attributes: RequestAttributes): boolean {
  return attributes.name === '' || isNamed(scope, attributes)
}

function inNamespaces(rule: RuleScope, attributes: RequestAttributes): boolean {
  if (rule.namespaces.includes('*')) return true
  return attributes.namespace === ''
    ? rule.namespaces.length === 0
    : rule.namespaces.includes(attributes.namespace)
}
