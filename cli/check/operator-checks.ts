import { groupOf, typeOf, WORKLOAD_KINDS } from '../../core/kubernetes/workload-kinds.ts'
import type { CommandContext } from '../command/command-context.ts'
import { type CheckItem, warning } from './check-item.ts'
import type { ListOf } from './cluster-objects.ts'

interface OwnedPod {
  readonly metadata: {
    readonly ownerReferences?: readonly {
      readonly apiVersion?: string
      readonly kind: string
      readonly controller?: boolean
    }[]
  }
}

/** What the built-in controllers make pods for, and a node for its static pods. */
const BUILT_IN = [...WORKLOAD_KINDS.filter(({ makes }) => makes === 'pods').map(typeOf), '/Node']

/**
 * One item for each namespace with pods that an operator made: the operator's own account answers for
 * them. A namespace whose pods cannot be listed has none; that is said elsewhere.
 */
export async function operatorChecks(
  { client }: CommandContext,
  namespaces: readonly string[],
): Promise<readonly CheckItem[]> {
  const found: CheckItem[] = []
  for (const namespace of namespaces) {
    const kinds = await client
      .get<ListOf<OwnedPod>>(`/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`)
      .then(({ items }) => operatorKinds(items))
      .catch(() => new Map<string, number>())
    if (kinds.size > 0) found.push(toItem(namespace, kinds))
  }
  return found
}

/** Pods by the kind that an operator made them for. */
function operatorKinds(pods: readonly OwnedPod[]): ReadonlyMap<string, number> {
  const kinds = new Map<string, number>()
  for (const { metadata } of pods) {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
    if (owner?.apiVersion === undefined) continue
    const group = groupOf(owner.apiVersion)
    if (BUILT_IN.includes(typeOf({ group, kind: owner.kind }))) continue
    const name = group === '' ? owner.kind : `${owner.kind}.${group}`
    kinds.set(name, (kinds.get(name) ?? 0) + 1)
  }
  return kinds
}

function toItem(namespace: string, kinds: ReadonlyMap<string, number>): CheckItem {
  const lines = [...kinds].map(
    ([kind, count]) =>
      `${count} ${count === 1 ? 'pod is' : 'pods are'} made by an operator for ${kind}`,
  )
  return {
    category: 'data-plane',
    title: `operators of namespace ${namespace} may do what their pods ask for`,
    run: async () =>
      warning(
        ...lines,
        "the operator's own account is the root requester of these pods: grant it what they do, by RBAC or an",
        'AccessPolicy (docs/lineage.md, Operators and workflow engines)',
      ),
  }
}
