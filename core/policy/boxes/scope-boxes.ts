import type { RuleScope } from '../access-policy.ts'
import { type Box, toBox } from './box.ts'
import { ALL_TEXTS, onlyTexts, type TextSet } from './text-set.ts'

/** Dimensions of every request. */
export const RESOURCE_KIND = onlyTexts(['resource'])

/**
 * The requests that a rule of this scope covers, as RBAC would: the dimensions are those of `RequestAttributes`, each
 * for one verb.
 */
export function coveredBoxes(scope: RuleScope): readonly Box[] {
  return boxesOf(scope, {
    namespace: namespacesOf(scope, []),
    name: scope.resourceNames === undefined ? ALL_TEXTS : onlyTexts(named(scope)),
  })
}

/**
 * The requests that are about any part of a scope: besides what is covered, those over all namespaces and those that
 * name no object.
 */
export function reachedBoxes(scope: RuleScope): readonly Box[] {
  return boxesOf(scope, wideOf(scope))
}

/** The requests of which an answer may show an object of a scope, whatever the verb and the subresource. */
export function shownBoxes(scope: RuleScope): readonly Box[] {
  const resource = patternsOf(scope.resources.map((pattern) => pattern.split('/')[0] ?? ''))
  const apiGroup = patternsOf(scope.apiGroups)
  const box = toBox({ kind: RESOURCE_KIND, apiGroup, resource, ...wideOf(scope) })
  return box === undefined ? [] : [box]
}

function wideOf(scope: RuleScope): Readonly<Record<'namespace' | 'name', TextSet>> {
  return {
    namespace: namespacesOf(scope, ['']),
    name: scope.resourceNames === undefined ? ALL_TEXTS : onlyTexts(['', ...named(scope)]),
  }
}

function named({ resourceNames = [] }: RuleScope): readonly string[] {
  return resourceNames.filter((name) => name !== '')
}

function namespacesOf({ namespaces }: RuleScope, besides: readonly string[]): TextSet {
  if (namespaces.includes('*')) return ALL_TEXTS
  return onlyTexts([...besides, ...(namespaces.length === 0 ? [''] : namespaces)])
}

function boxesOf(scope: RuleScope, sets: Readonly<Record<string, TextSet>>): readonly Box[] {
  const verb = patternsOf(scope.verbs.filter((one) => one !== ''))
  const apiGroup = patternsOf(scope.apiGroups)
  return resourceSets(scope.resources).flatMap((resources) => {
    const box = toBox({ kind: RESOURCE_KIND, verb, apiGroup, ...resources, ...sets })
    return box === undefined ? [] : [box]
  })
}

function patternsOf(patterns: readonly string[]): TextSet {
  return patterns.includes('*') ? ALL_TEXTS : onlyTexts(patterns)
}

/** One for each subresource: `*` is every resource and every subresource, `*` with a subresource that of each. */
function resourceSets(
  patterns: readonly string[],
): readonly Readonly<Record<'resource' | 'subresource', TextSet>>[] {
  if (patterns.includes('*')) return [{ resource: ALL_TEXTS, subresource: ALL_TEXTS }]
  const bySubresource = Map.groupBy(patterns, (pattern) => pattern.split('/')[1] ?? '')
  return [...bySubresource].map(([subresource, resources]) => ({
    resource: patternsOf(resources.map((pattern) => pattern.split('/')[0] ?? '')),
    subresource: onlyTexts([subresource]),
  }))
}
