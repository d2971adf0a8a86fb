import { type Box, commonBox, toBox } from './box.ts'
import { type Region, unionOfRegions } from './region.ts'
import { coveredBoxes } from './scope-boxes.ts'
import { ALL_TEXTS, onlyTexts, type TextSet, textsWithPrefix, unionOfTexts } from './text-set.ts'

/** A rule of a Role or a ClusterRole, as Kubernetes writes it. */
export interface RbacRule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

/**
 * What rules of RBAC allow whoever they are bound to: in one namespace by a RoleBinding, everywhere by a
 * ClusterRoleBinding (`namespace` undefined). Paths have the dimensions `kind`, `verb` and `path`. No rule of RBAC
 * lifts a guard. Follows Kubernetes v1.37, plugin/pkg/auth/authorizer/rbac/rbac.go and pkg/apis/rbac/v1/helpers.go.
 */
export function rbacRegion(rules: readonly RbacRule[], namespace: string | undefined): Region {
  const unguarded = toBox({ guard: onlyTexts(['none']) })
  const boxes = rules.flatMap((rule) => [
    ...coveredBoxes(scopeOf(rule, namespace)),
    ...(namespace === undefined ? pathBoxes(rule) : []),
  ])
  return unionOfRegions(
    boxes.flatMap((box) => {
      const both = unguarded === undefined ? undefined : commonBox(box, unguarded)
      return both === undefined ? [] : [both]
    }),
  )
}

function scopeOf(rule: RbacRule, namespace: string | undefined) {
  const { verbs, apiGroups = [], resources = [], resourceNames = [] } = rule
  return {
    ...{ verbs, apiGroups, resources, namespaces: [namespace ?? '*'] },
    // To RBAC an empty list is none.
    ...(resourceNames.length === 0 ? {} : { resourceNames }),
  }
}

function pathBoxes({ verbs, nonResourceURLs = [] }: RbacRule): readonly Box[] {
  const verb = verbs.includes('*') ? ALL_TEXTS : onlyTexts(verbs)
  const path = nonResourceURLs.map(pathsOf).reduce(unionOfTexts, onlyTexts([]))
  const box = toBox({ kind: onlyTexts(['path']), verb, path })
  return box === undefined ? [] : [box]
}

/** `*` is every path, and one at the end of a path every path that begins so. */
function pathsOf(pattern: string): TextSet {
  if (pattern === '*') return ALL_TEXTS
  return pattern.endsWith('*') ? textsWithPrefix(pattern.replace(/\*+$/, '')) : onlyTexts([pattern])
}
