import type { ActorObject, RequesterObject } from '../../api/objects/access-objects.ts'
import { UNATTRIBUTED } from '../../core/chain.ts'
import { escapeText } from '../../core/escape-text.ts'
import { parseServiceAccountUsername } from '../../core/kubernetes/user-info.ts'

/** `alice (User, root requester)`; a service account is named as such. */
export function describeRequester(
  requester: Pick<RequesterObject, 'username'>,
  role: string,
): string {
  const { username } = requester
  const account = parseServiceAccountUsername(username)
  if (account !== undefined) {
    return `${escapeText(`${account.namespace}/${account.name}`)} (ServiceAccount, ${role})`
  }
  if (username === UNATTRIBUTED.username) return `nobody on record (${username}, ${role})`
  return `${escapeText(username)} (User, ${role})`
}

/** `Job team/build → pod team/build-x7k2 (service account builder)` */
export function describeActor({ namespace, name, serviceAccount, via }: ActorObject): string {
  const steps = via.map(
    (step) => `${escapeText(step.kind)} ${escapeText(`${namespace}/${step.name}`)}`,
  )
  const pod = `pod ${escapeText(`${namespace}/${name}`)} (service account ${escapeText(serviceAccount)})`
  return [...steps, pod].join(' → ')
}
