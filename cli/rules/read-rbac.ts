import type { KubernetesClient } from '../../api/client/kubernetes-client.ts'
import type { Subject } from '../../core/policy/access-policy.ts'
import type { RbacRule } from '../../core/policy/boxes/rbac-region.ts'

/** A binding with the rules of its role. */
export interface BoundRules {
  /** Such as `ClusterRoleBinding cluster-admins`. */
  readonly title: string
  /** Undefined: everywhere. */
  readonly namespace: string | undefined
  readonly subjects: readonly Subject[]
  readonly rules: readonly RbacRule[]
}

interface RoleObject {
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly rules?: readonly RbacRule[] | null
}

interface BindingObject {
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly roleRef: { readonly kind: string; readonly name: string }
  readonly subjects?:
    | readonly (Omit<Subject, 'namespace'> & { readonly namespace?: string })[]
    | null
}

const ROOT = '/apis/rbac.authorization.k8s.io/v1'

/** Every binding of RBAC with what it gives. Throws `permission_denied` for who may not list them. */
export async function readRbac(client: KubernetesClient): Promise<readonly BoundRules[]> {
  const list = async <Item>(plural: string) =>
    (await client.get<{ items: readonly Item[] }>(`${ROOT}/${plural}`)).items
  const roles = [...(await list<RoleObject>('clusterroles')), ...(await list<RoleObject>('roles'))]
  const byKey = new Map(
    roles.map(({ metadata, rules }) => [keyOf(metadata.namespace, metadata.name), rules ?? []]),
  )
  const bindings = [
    ...(await list<BindingObject>('clusterrolebindings')),
    ...(await list<BindingObject>('rolebindings')),
  ]
  return bindings.map(({ metadata: { name, namespace }, roleRef, subjects }) => ({
    title:
      namespace === undefined ? `ClusterRoleBinding ${name}` : `RoleBinding ${namespace}/${name}`,
    namespace,
    subjects: (subjects ?? []).map((one) => ({ ...one, namespace: one.namespace ?? '' })),
    rules: byKey.get(keyOf(roleRef.kind === 'Role' ? namespace : undefined, roleRef.name)) ?? [],
  }))
}

function keyOf(namespace: string | undefined, name: string): string {
  return JSON.stringify([namespace ?? '', name])
}
