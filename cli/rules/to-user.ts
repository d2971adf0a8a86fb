import { parseServiceAccountUsername, type UserInfo } from '../../core/kubernetes/user-info.ts'

/** A person is in `system:authenticated`, and a service account in the groups that kube-apiserver gives it. */
export function toUser(username: string, groups: readonly string[]): UserInfo {
  const account = parseServiceAccountUsername(username)
  const own =
    account === undefined
      ? []
      : ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`]
  const all = [...new Set([...groups, ...own, 'system:authenticated'])]
  return { username, uid: '', groups: all, extra: {} }
}
