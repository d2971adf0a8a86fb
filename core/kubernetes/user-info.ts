import { POD_UID_EXTRA } from '../names.ts'

/** Who kube-apiserver says is asking: `userInfo` of an AdmissionReview, `user` of a TokenReview. */
export interface UserInfo {
  readonly username: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:'

/** A service account's namespace and name, or undefined for any other user name. */
export function parseServiceAccountUsername(
  username: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!username.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined
  const parts = username.slice(SERVICE_ACCOUNT_PREFIX.length).split(':')
  const [namespace, name] = parts
  if (parts.length !== 2 || !namespace || !name) return undefined
  return { namespace, name }
}

/**
 * The user that a service account is to RBAC, with the groups kube-apiserver gives it.
 * Source: Kubernetes apiserver/pkg/authentication/serviceaccount/util.go (MakeUsername, MakeGroupNames).
 */
export function serviceAccountUser(namespace: string, name: string): UserInfo {
  return {
    username: `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`,
    uid: '',
    groups: [
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ],
    extra: {},
  }
}

/** UID of the pod a token is bound to; undefined for every other credential. */
export function boundPodUid(user: UserInfo): string | undefined {
  const values = user.extra[POD_UID_EXTRA]
  return values?.length === 1 && values[0] !== '' ? values[0] : undefined
}
