import { judgedVerbs, type RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { PolicyRule } from './access-policy.ts'

/** Whether an Allow rule covers one verb of a request. */
export function ruleAllows(rule: PolicyRule, attributes: RequestAttributes, verb: string): boolean {
  return (
    rule.effect === 'Allow' && matches(rule, attributes, [verb]) && inNamespaces(rule, attributes)
  )
}

/**
 * Whether a Deny rule covers any verb that is judged. A request over all namespaces is one over
 * each of them, so a Deny for one namespace covers it.
 */
export function ruleDenies(rule: PolicyRule, attributes: RequestAttributes): boolean {
  if (rule.effect !== 'Deny' || !matches(rule, attributes, judgedVerbs(attributes))) return false
  return attributes.namespace === '' || inNamespaces(rule, attributes)
}

function matches(
  rule: PolicyRule,
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

function inNamespaces(rule: PolicyRule, attributes: RequestAttributes): boolean {
  if (rule.namespaces.includes('*')) return true
  return attributes.namespace === ''
    ? rule.namespaces.length === 0
    : rule.namespaces.includes(attributes.namespace)
}
