import { type DelegationChain, withCoRequester } from '../../core/chain.ts'
import { type VisitKind, withVisit } from '../../core/chain-visits.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { Logger } from '../../platform/logger.ts'
import type { PodReader } from '../kubernetes/pod-reader.ts'
import type { PodBinding, PodBindingStore } from '../store/pod-binding-store.ts'
import { launcherOf } from './launchers.ts'
import { checkLength, toRequester, withEveryoneOf } from './requesters.ts'

/** Somebody reaches into a pod that runs. */
export interface PodVisit {
  readonly user: UserInfo
  readonly namespace: string
  readonly podName: string
  /** Empty where admission does not see it; then the pod that has the name now is meant. */
  readonly podUid: string
  readonly kind: VisitKind
  readonly dryRun: boolean
}

export interface PodVisits {
  /**
   * Puts on record who reaches into a pod, before they do. Whoever chooses code in it is a co-requester
   * from then on, and others are where visitors join. Resolves for a pod that is not on record: it has no
   * chain. Throws `permission_denied` when the chain would have more requesters than are judged.
   */
  record(visit: PodVisit): Promise<void>
}

/** Kinds that choose code which runs in the pod. */
const CHOOSES_CODE: readonly VisitKind[] = ['ephemeralcontainers', 'image']

/** Keeps who reached into running pods, and lets their chains grow. */
export function createPodVisits(deps: {
  readonly bindings: Pick<PodBindingStore, 'find' | 'revise'>
  readonly readPodUid: PodReader
  /** Whether whoever execs, attaches or forwards a port is a co-requester from then on. */
  readonly visitorsJoin: boolean
  readonly onGrown: (binding: PodBinding) => void
  readonly logger: Logger
  readonly now: () => number
}): PodVisits {
  const { bindings, logger } = deps

  async function record(visit: PodVisit): Promise<void> {
    const { user, namespace, podName, kind } = visit
    const launcher = await launcherOf(bindings, user)
    const choosesCode = CHOOSES_CODE.includes(kind)
    // What a pod of a chain does through its sidecar is decided, and so on record, already.
    if (launcher !== undefined && !choosesCode) return
    const podUid = visit.podUid || (await deps.readPodUid(namespace, podName))
    if (podUid === undefined) return
    const joined = choosesCode || deps.visitorsJoin
    const { username } = user
    const atMs = deps.now()
    const change = ({ chain, visits }: PodBinding) => ({
      chain: joined ? checkLength(withUser(chain, user, launcher)) : chain,
      visits: withVisit(visits, { username, kind, atMs, joined }),
    })
    if (visit.dryRun) {
      const known = await bindings.find(podUid)
      if (known !== undefined) change(known)
      return
    }
    let before = 0
    const revised = await bindings.revise(podUid, (known) => {
      before = known.growth
      return change(known)
    })
    if (revised === undefined) return
    logger.info({ username, namespace, pod: podName, podUid, kind, joined }, 'Reached into a pod')
    if (revised.growth > before) deps.onGrown(revised)
  }

  return { record }
}

function withUser(
  chain: DelegationChain,
  user: UserInfo,
  launcher: PodBinding | undefined,
): DelegationChain {
  return launcher === undefined
    ? withCoRequester(chain, toRequester(user))
    : withEveryoneOf(chain, launcher.chain)
}
