import {
  boundPodUid,
  parseServiceAccountUsername,
  type UserInfo,
} from '../../core/kubernetes/user-info.ts'
import type { PodBinding, PodBindingStore } from '../store/pod-binding-store.ts'
import { everyoneOf, toRequester } from './requesters.ts'

/** The binding of the pod that a user's token is bound to, if it is that pod's own service account. */
export async function launcherOf(
  bindings: Pick<PodBindingStore, 'find'>,
  user: UserInfo,
): Promise<PodBinding | undefined> {
  const podUid = boundPodUid(user)
  const account = parseServiceAccountUsername(user.username)
  if (podUid === undefined || account === undefined) return undefined
  const binding = await bindings.find(podUid)
  const pod = binding?.chain.actors.at(-1)
  const same = pod?.namespace === account.namespace && pod.serviceAccount === account.name
  return same ? binding : undefined
}

/** Everyone who stands behind a user: for a pod, each principal of its chain and its own account. */
export function everyoneBehind(
  user: UserInfo,
  launcher: PodBinding | undefined,
): readonly UserInfo[] {
  return launcher === undefined ? [toRequester(user)] : everyoneOf(launcher.chain)
}
