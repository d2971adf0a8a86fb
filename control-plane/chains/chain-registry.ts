import {
  CHAIN_ACTORS_MAX,
  CHAIN_REQUESTERS_MAX,
  type DelegationChain,
  UNATTRIBUTED,
  userKey,
  type Via,
  withCoRequester,
} from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import {
  boundPodUid,
  parseServiceAccountUsername,
  serviceAccountUser,
  type UserInfo,
} from '../../core/kubernetes/user-info.ts'
import type { PodBinding, PodBindingStore } from '../store/pod-binding-store.ts'
import type { Workload, WorkloadStore } from '../store/workload-store.ts'
import { type ControllerReference, groupOf, isControllerOf } from './controllers.ts'

/** The facts of an admission that say who made an object. */
export interface AdmissionContext {
  readonly user: UserInfo
  readonly namespace: string
  readonly controller: ControllerReference | undefined
  readonly dryRun: boolean
}

export interface AdmittedPod {
  readonly podUid: string
  readonly podName: string
  readonly serviceAccount: string
}

export type AdmittedWorkload = Pick<Workload, 'uid' | 'apiVersion' | 'kind' | 'name'>

export interface ChainRegistry {
  /** The chain that a pod of this context would get, without the pod. Records nothing. */
  resolve(context: AdmissionContext): Promise<DelegationChain>
  /** Binds a pod's UID for good, unless it is a dry run. Throws `binding_conflict` for another chain. */
  bindPod(context: AdmissionContext, pod: AdmittedPod): Promise<DelegationChain>
  /** Records who made an object that makes pods. */
  recordCreated(context: AdmissionContext, workload: AdmittedWorkload): Promise<DelegationChain>
  /** Records who changed a pod template: from now on they are requesters of what it makes. */
  recordChanged(context: AdmissionContext, workload: AdmittedWorkload): Promise<DelegationChain>
}

/** Whom an object is made for, and through which objects. */
interface Origin {
  readonly chain: DelegationChain
  readonly via: readonly Via[]
}

/** Decides who made an object, and remembers it by UID. What tenants write on objects is not read. */
export function createChainRegistry(deps: {
  readonly bindings: Pick<PodBindingStore, 'find' | 'record'>
  readonly workloads: WorkloadStore
  readonly now: () => number
}): ChainRegistry {
  const { bindings, workloads } = deps

  async function originOf(context: AdmissionContext): Promise<Origin> {
    const { user, controller, namespace } = context
    if (controller !== undefined && isControllerOf(user, controller)) {
      return originOfOwner(await workloads.find(controller.uid), controller, namespace)
    }
    const launcher = await launcherOf(user)
    const chain = launcher?.chain ?? newChain(toRequester(user))
    return { chain, via: [] }
  }

  /** The binding of the pod that a token is bound to, if it is that pod's own service account. */
  async function launcherOf(user: UserInfo): Promise<PodBinding | undefined> {
    const podUid = boundPodUid(user)
    const account = parseServiceAccountUsername(user.username)
    if (podUid === undefined || account === undefined) return undefined
    const binding = await bindings.find(podUid)
    const pod = binding?.chain.actors.at(-1)
    const same = pod?.namespace === account.namespace && pod.serviceAccount === account.name
    return same ? binding : undefined
  }

  async function bindPod(context: AdmissionContext, pod: AdmittedPod): Promise<DelegationChain> {
    const { chain, via } = await originOf(context)
    const actor = {
      podUid: pod.podUid,
      namespace: context.namespace,
      name: pod.podName,
      serviceAccount: pod.serviceAccount,
      via,
    }
    const bound = checkLength({ ...chain, actors: [...chain.actors, actor] })
    if (!context.dryRun) {
      await bindings.record({ podUid: pod.podUid, chain: bound, boundAtMs: deps.now() })
    }
    return bound
  }

  async function recordCreated(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    const origin = await originOf(context)
    const chain = checkLength(origin.chain)
    const known = await workloads.find(workload.uid)
    if (known !== undefined && JSON.stringify(known.chain) !== JSON.stringify(chain)) {
      throw new Fault('binding_conflict', 'Cannot record the object: its UID is on record already')
    }
    if (!context.dryRun && known === undefined) {
      await workloads.save({ ...workload, namespace: context.namespace, chain, via: origin.via })
    }
    return chain
  }

  async function recordChanged(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    const known = await workloads.find(workload.uid)
    const before: Workload = known ?? {
      ...workload,
      namespace: context.namespace,
      chain: newChain(UNATTRIBUTED),
      via: [],
    }
    const ownController =
      context.controller !== undefined && isControllerOf(context.user, context.controller)
    const editors = ownController ? [] : await editorsOf(context.user)
    const chain = checkLength(editors.reduce(withCoRequester, before.chain))
    if (!context.dryRun && (known === undefined || chain !== known.chain)) {
      await workloads.save({ ...before, chain })
    }
    return chain
  }

  /** Everyone who stands behind an editor: for a pod, each principal of its chain and its own account. */
  async function editorsOf(user: UserInfo): Promise<readonly UserInfo[]> {
    const launcher = await launcherOf(user)
    if (launcher === undefined) return [toRequester(user)]
    const { rootRequester, coRequesters, actors } = launcher.chain
    const accounts = actors.map((actor) =>
      serviceAccountUser(actor.namespace, actor.serviceAccount),
    )
    return [rootRequester, ...coRequesters, ...accounts]
  }

  return {
    resolve: async (context) => checkLength((await originOf(context)).chain),
    bindPod,
    recordCreated,
    recordChanged,
  }
}

/** A controller's owner that is not on record, or not the object that it claims to be, is nobody's. */
function originOfOwner(
  owner: Workload | undefined,
  claimed: ControllerReference,
  namespace: string,
): Origin {
  const step = { kind: claimed.kind, name: claimed.name }
  const genuine =
    owner !== undefined &&
    owner.kind === claimed.kind &&
    owner.name === claimed.name &&
    owner.namespace === namespace &&
    groupOf(owner.apiVersion) === groupOf(claimed.apiVersion)
  if (!genuine) return { chain: newChain(UNATTRIBUTED), via: [step] }
  return { chain: owner.chain, via: [...owner.via, step] }
}

function newChain(rootRequester: UserInfo): DelegationChain {
  return { rootRequester, coRequesters: [], actors: [] }
}

const TOKEN_EXTRA_PREFIX = 'authentication.kubernetes.io/'

/**
 * A requester without what describes one credential of theirs: the id of the token or certificate,
 * and the pod and node it is bound to. Authorizers decide by user, groups and the extra of the
 * identity provider, which stays.
 */
function toRequester(user: UserInfo): UserInfo {
  const extra = Object.entries(user.extra).filter(([key]) => !key.startsWith(TOKEN_EXTRA_PREFIX))
  return { ...user, extra: Object.fromEntries(extra) }
}

function checkLength(chain: DelegationChain): DelegationChain {
  if (chain.actors.length > CHAIN_ACTORS_MAX) {
    throw new Fault('permission_denied', `The chain is longer than ${CHAIN_ACTORS_MAX} launches`)
  }
  if (1 + chain.coRequesters.length > CHAIN_REQUESTERS_MAX) {
    throw new Fault(
      'permission_denied',
      `More than ${CHAIN_REQUESTERS_MAX} people and accounts chose the code of this object; recreate it`,
    )
  }
  return chain
}

/** Whether two chains began with the same principal. */
export function haveSameRoot(one: DelegationChain, other: DelegationChain): boolean {
  return userKey(one.rootRequester) === userKey(other.rootRequester)
}
