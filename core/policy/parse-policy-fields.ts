import type { PolicyRule, RuleScope, Subject } from './access-policy.ts'
import { compileCondition } from './conditions/compile-condition.ts'

/** Fields by which a rule says which requests it speaks of. */
export const SCOPE_KEYS = ['apiGroups', 'resources', 'verbs', 'namespaces', 'resourceNames']

/** Fields that the policy language has in later versions. Ignoring one could allow too much. */
const NOT_YET = ['approval']

/**
 * Reads which requests a rule speaks of. What is wrong goes to `problems`, each beginning with the path of its field;
 * what cannot be read is empty, and so matches nothing.
 */
export function parseScope(
  rule: Record<string, unknown> | undefined,
  path: string,
  problems: string[],
): RuleScope {
  const { namespaces, resourceNames } = rule ?? {}
  return {
    apiGroups: patternsOf(rule?.['apiGroups'], `${path}.apiGroups`, problems),
    resources: resourcesOf(rule?.['resources'], `${path}.resources`, problems),
    verbs: patternsOf(rule?.['verbs'], `${path}.verbs`, problems),
    namespaces:
      namespaces === undefined ? [] : patternsOf(namespaces, `${path}.namespaces`, problems),
    ...(resourceNames === undefined
      ? {}
      : { resourceNames: namesOf(resourceNames, `${path}.resourceNames`, problems) }),
  }
}

/** Exact names, as in RBAC: there is no wildcard, and the field is left out for every object. */
function namesOf(value: unknown, path: string, problems: string[]): readonly string[] {
  const found = stringsOf(value, path, problems)
  for (const name of found) {
    if (name !== '' && !name.includes('*')) continue
    problems.push(
      `${path}: ${JSON.stringify(name)} is not the name of an object; leave resourceNames out for every object`,
    )
  }
  return found
}

/** `*` stands alone: `team-*` would match nothing, and whoever wrote it would not know. */
function patternsOf(value: unknown, path: string, problems: string[]): readonly string[] {
  const found = stringsOf(value, path, problems)
  for (const pattern of found) {
    if (pattern.includes('*') && pattern !== '*') {
      problems.push(`${path}: ${JSON.stringify(pattern)} matches nothing; "*" must stand alone`)
    }
  }
  return found
}

/** As in RBAC: `pods`, `pods/log`, `*`, and one subresource of every resource as in the scale rule. */
function resourcesOf(value: unknown, path: string, problems: string[]): readonly string[] {
  const found = stringsOf(value, path, problems)
  for (const pattern of found) {
    if (!/^(?:\*|(?:\*|[a-z0-9][-a-z0-9.]*)(?:\/[a-z0-9][-a-z0-9]*)?)$/.test(pattern)) {
      problems.push(
        `${path}: ${JSON.stringify(pattern)} is not a resource, resource/subresource or "*"`,
      )
    }
  }
  return found
}

/** Reads `when` of a rule; one that cannot be compiled is a problem. */
export function parseWhen(
  rule: Record<string, unknown> | undefined,
  path: string,
  problems: string[],
): Pick<PolicyRule, 'when'> {
  if (rule?.when === undefined) return {}
  const compiled = compileCondition(rule.when)
  if (compiled.ok) return { when: compiled.condition }
  problems.push(`${path}.when: ${compiled.problem}`)
  return {}
}

/** Reads whom a policy names; what cannot be read names nobody. */
export function parseSubject(value: unknown, path: string, problems: string[]): Subject {
  const subject = asRecord(value)
  refuseOtherKeys(subject, ['kind', 'name', 'namespace', 'apiGroup'], path, problems)
  const kind = asText(subject?.kind)
  const name = asText(subject?.name)
  const namespace = asText(subject?.namespace)
  if (kind !== 'User' && kind !== 'Group' && kind !== 'ServiceAccount') {
    problems.push(`${path}.kind: must be User, Group or ServiceAccount`)
  }
  if (name === '') problems.push(`${path}.name: must be there`)
  if (kind === 'ServiceAccount' && namespace === '') {
    problems.push(`${path}.namespace: must be there for a ServiceAccount`)
  }
  if (kind !== 'ServiceAccount' && namespace !== '') {
    problems.push(`${path}.namespace: is for a ServiceAccount only`)
  }
  return { kind: kind as Subject['kind'], name, namespace }
}

/** Records and refusals tell rules by their names. */
export function refuseSameNames(
  rules: readonly Pick<PolicyRule, 'name'>[],
  problems: string[],
): void {
  const names = rules.map((rule) => rule.name)
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index) {
      problems.push(`spec.rules[${index}].name: ${JSON.stringify(name)} is used twice`)
    }
  }
}

/** A list of texts, with at least one entry; else a problem, and none. */
export function stringsOf(value: unknown, path: string, problems: string[]): readonly string[] {
  const found = listOf(value, path, problems)
  if (found.every((item): item is string => typeof item === 'string')) return found
  problems.push(`${path}: must hold strings only`)
  return []
}

/** A list with at least one entry; else a problem, and an empty one. */
export function listOf(value: unknown, path: string, problems: string[]): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value
  problems.push(`${path}: must be a list with at least one entry`)
  return []
}

/** A field that is not known could be one that narrows. */
export function refuseOtherKeys(
  value: Record<string, unknown> | undefined,
  known: readonly string[],
  path: string,
  problems: string[],
): void {
  for (const key of Object.keys(value ?? {})) {
    if (known.includes(key)) continue
    const why = NOT_YET.includes(key) ? 'is not supported by this version' : 'is not a known field'
    problems.push(`${path}.${key}: ${why}`)
  }
}

/** An object that is no list; undefined for everything else. */
export function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/** A text; the empty one for everything else. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
