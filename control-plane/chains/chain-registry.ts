import { type DelegationChain, UNATTRIBUTED, type Via, withCoRequester } from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import {
  boundPodUid,
  parseServiceAccountUsername,
  type UserInfo,
} from '../../core/kubernetes/user-info.ts'
import type { PodBinding, PodBindingStore } from '../store/pod-binding-store.ts'
import type { Workload, WorkloadStore } from '../store/workload-store.ts'
import { type ControllerReference, groupOf, isControllerOf } from './controllers.ts'
import { checkLength, everyoneOf, newChain, toRequester, withEveryoneOf } from './requesters.ts'

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
  /** Records which object controls a workload from now on. */
  recordAdopted(context: AdmissionContext, workload: AdmittedWorkload): Promise<DelegationChain>
  /**
   * Nothing was told of a namespace for a while: whoever edited templates meanwhile is not on
   * record, so nobody is a co-requester of all that its workloads make.
   */
  recordUnwatched(namespace: string): Promise<void>
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
      return originOfOwner(controller, namespace)
    }
    const launcher = await launcherOf(user)
    const chain = launcher?.chain ?? newChain(toRequester(user))
    return { chain, via: [] }
  }

  /** A controller's owner that is not on record, or not the object that it claims to be, is nobody's. */
  async function originOfOwner(claimed: ControllerReference, namespace: string): Promise<Origin> {
    const step = { kind: claimed.kind, name: claimed.name }
    const owner = await workloads.find(claimed.uid)
    const genuine =
      owner !== undefined &&
      owner.kind === claimed.kind &&
      owner.name === claimed.name &&
      owner.namespace === namespace &&
      groupOf(owner.apiVersion) === groupOf(claimed.apiVersion)
    if (!genuine) return { chain: newChain(UNATTRIBUTED), via: [step] }
    return { chain: await chainOf(owner), via: [...owner.via, step] }
  }

  /**
   * Whom a workload makes pods for. A Deployment that is rolled back takes an older ReplicaSet up
   * again, and may take up one that it did not make: who chose that is on the Deployment's record.
   */
  async function chainOf(owner: Workload): Promise<DelegationChain> {
    if (owner.controllerUid === '') return owner.chain
    const deployment = await workloads.find(owner.controllerUid)
    const genuine = deployment?.kind === 'Deployment' && deployment.namespace === owner.namespace
    return withEveryoneOf(owner.chain, genuine ? deployment.chain : newChain(UNATTRIBUTED))
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
    const { chain, via } = await originOf(context)
    checkLength(chain)
    const controllerUid = controllerUidOf(context, workload)
    return revise(context, workload.uid, (known) => {
      if (known !== undefined && JSON.stringify(known.chain) !== JSON.stringify(chain)) {
        throw new Fault(
          'binding_conflict',
          'Cannot record the object: its UID is on record already',
        )
      }
      return known ?? { ...workload, namespace: context.namespace, chain, via, controllerUid }
    })
  }

  async function recordChanged(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    const { user, controller } = context
    const ownController = controller !== undefined && isControllerOf(user, controller)
    const editors = ownController ? [] : await editorsOf(user)
    return revise(context, workload.uid, (known) => {
      const before = known ?? nobodys(context, workload)
      const chain = checkLength(editors.reduce(withCoRequester, before.chain))
      return adopted(chain === before.chain ? before : { ...before, chain }, context)
    })
  }

  function recordAdopted(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    return revise(context, workload.uid, (known) =>
      adopted(known ?? nobodys(context, workload), context),
    )
  }

  /** Everyone who stands behind an editor: for a pod, each principal of its chain and its own account. */
  async function editorsOf(user: UserInfo): Promise<readonly UserInfo[]> {
    const launcher = await launcherOf(user)
    return launcher === undefined ? [toRequester(user)] : everyoneOf(launcher.chain)
  }

  /** Of two who revise a workload at once, the second revises what the first has made of it. */
  async function revise(
    { dryRun }: AdmissionContext,
    uid: string,
    change: (known: Workload | undefined) => Workload,
  ): Promise<DelegationChain> {
    const revised = dryRun ? change(await workloads.find(uid)) : await workloads.revise(uid, change)
    return revised.chain
  }

  return {
    resolve: async (context) => checkLength((await originOf(context)).chain),
    bindPod,
    recordCreated,
    recordChanged,
    recordAdopted,
    recordUnwatched: (namespace) =>
      workloads.reviseNamespace(namespace, (known) => {
        const chain = withCoRequester(known.chain, UNATTRIBUTED)
        return chain === known.chain ? known : { ...known, chain }
      }),
  }
}

/** An object from before Lanyard. */
function nobodys({ namespace }: AdmissionContext, workload: AdmittedWorkload): Workload {
  return { ...workload, namespace, chain: newChain(UNATTRIBUTED), via: [], controllerUid: '' }
}

/** The workload with the controller that it has from now on; one that lost its own keeps it here. */
function adopted(workload: Workload, context: AdmissionContext): Workload {
  const controllerUid = controllerUidOf(context, workload)
  const same = controllerUid === '' || controllerUid === workload.controllerUid
  return same ? workload : { ...workload, controllerUid }
}

/** Only a Deployment chooses anew, among the ReplicaSets that it has, what is made. */
function controllerUidOf({ controller }: AdmissionContext, workload: AdmittedWorkload): string {
  const chooses =
    controller?.kind === 'Deployment' &&
    groupOf(controller.apiVersion) === 'apps' &&
    workload.kind === 'ReplicaSet' &&
    groupOf(workload.apiVersion) === 'apps'
  return chooses ? controller.uid : ''
}
