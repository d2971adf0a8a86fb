import type { KubernetesClient } from '../../api/client/kubernetes-client.ts'
import { NO_SCRIPTS } from '../../core/commands/script.ts'
import { Fault } from '../../core/fault.ts'
import { judgedVerbs, type RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { PrincipalFacts } from '../../core/policy/evaluate.ts'
import { parseAccessCeiling, parseNarrowingPolicy } from '../../core/policy/parse-access-limit.ts'
import { parseAccessPolicy } from '../../core/policy/parse-access-policy.ts'
import type { PolicySet } from '../../core/policy/simulate.ts'
import { findMaskProfiles } from './find-mask-profiles.ts'

/** What is in force in the cluster. Throws `permission_denied` for who may not list it. */
export async function readPolicySet(client: KubernetesClient): Promise<PolicySet> {
  const list = async (plural: string): Promise<readonly unknown[]> => {
    try {
      const path = `/apis/${LANYARD_GROUP}/v1alpha1/${plural}`
      return (await client.get<{ items: readonly unknown[] }>(path)).items
    } catch (error) {
      // An earlier release has no such kind, and so no such object.
      if (Fault.from(error).code === 'not_found') return []
      throw error
    }
  }
  // The items of a list have no kind of their own.
  const profiles = (await list('maskprofiles')).map((one) => ({
    ...(one as object),
    kind: 'MaskProfile',
  }))
  const profileOf = findMaskProfiles(profiles)
  const policies = await list('accesspolicies')
  const ceilings = await list('accessceilings')
  const narrowings = await list('narrowingpolicies')
  return {
    policies: policies.map((object) => parseAccessPolicy(object, NO_SCRIPTS, profileOf)),
    limits: [...ceilings.map(parseAccessCeiling), ...narrowings.map(parseNarrowingPolicy)],
  }
}

interface ReviewObject {
  readonly status?: { readonly allowed?: boolean }
}

/** What the cluster's authorizer says of a user and every judged verb. Throws `permission_denied` for who may not ask. */
export async function reviewAccess(
  client: KubernetesClient,
  user: UserInfo,
  attributes: RequestAttributes,
): Promise<PrincipalFacts['access']> {
  const { apiGroup: group, resource, subresource, namespace, name, path } = attributes
  for (const verb of judgedVerbs(attributes)) {
    const asked = attributes.resourceRequest
      ? { resourceAttributes: { verb, group, resource, subresource, namespace, name } }
      : { nonResourceAttributes: { verb, path } }
    const spec = { user: user.username, uid: user.uid, groups: user.groups, extra: user.extra }
    const { status } = await client.post<ReviewObject>(
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { ...spec, ...asked },
      },
    )
    if (status?.allowed !== true) return 'denied'
  }
  return 'allowed'
}
