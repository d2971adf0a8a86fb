import { userKey } from '../../core/chain.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { textKey } from '../../core/text-key.ts'

/** Keys of users are long and few: each is made once. */
const userKeys = new WeakMap<UserInfo, string>()

/**
 * Equal for questions that are one SubjectAccessReview, and for no others: who asks, whether for a
 * resource or for a URL outside the resource API, all that the authorizer reads of it, and the verbs.
 */
export function reviewKey(user: UserInfo, attributes: RequestAttributes): string {
  let who = userKeys.get(user)
  if (who === undefined) {
    who = userKey(user)
    userKeys.set(user, who)
  }
  const { verb, alsoVerbs, path } = attributes
  if (!attributes.resourceRequest) return textKey(['path', who, path, verb, ...alsoVerbs])
  const { apiGroup, apiVersion, namespace, resource, subresource, name } = attributes
  return textKey([
    'resource',
    who,
    apiGroup,
    apiVersion,
    namespace,
    resource,
    subresource,
    name,
    verb,
    ...alsoVerbs,
  ])
}
