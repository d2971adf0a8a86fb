import { type DelegationChain, UNATTRIBUTED, type Via, withCoRequester } from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import { isBuiltInController } from '../../core/kubernetes/built-in-controllers.ts'
import { boundPodUid, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { groupOf } from '../../core/kubernetes/workload-kinds.ts'
import type { ChainAge, PodBindingStore } from '../store/pod-binding-store.ts'
import type { Workload, WorkloadStore } from '../store/workload-store.ts'
import { joinedAge, newAge, renewedAt } from './chain-age.ts'
import { checkResettable } from './check-resettable.ts'
import { type ControllerReference, isControllerOf } from './controllers.ts'
import { createKeeperFinder, withAuthors } from './keepers.ts'
import { everyoneBehind, launcherOf } from './launchers.ts'
import { type AdmittedWorkload, newWorkload, withSeenCode } from './new-workload.ts'
import { checkLength, haveSameRoot, newChain, toRequester, withEveryoneOf } from './requesters.ts'

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

export interface ChainRegistry {
  /** The chain that a pod of this context would get, without the pod. Records nothing. */
  resolve(context: AdmissionContext): Promise<DelegationChain>
  /** Binds a pod's UID for good, unless it is a dry run. Throws `binding_conflict` for another chain. */
  bindPod(context: AdmissionContext, pod: AdmittedPod): Promise<DelegationChain>
  /** Records who made an object that makes pods. */
  recordCreated(context: AdmissionContext, workload: AdmittedWorkload): Promise<DelegationChain>
  /** Records who changed a pod template: from now on they are requesters of what it makes. */
  recordChanged(context: AdmissionContext, workload: AdmittedWorkload): Promise<DelegationChain>
  /** Records which object controls a workload from now on; it gets the workload's authors. */
  recordAdopted(context: AdmissionContext, workload: AdmittedWorkload): Promise<DelegationChain>
  /** Records who restarted, scaled, queued or placed a workload; they answer for nothing. */
  recordTouched(
    context: AdmissionContext,
    workload: AdmittedWorkload,
    fields: readonly string[],
  ): Promise<DelegationChain>
  /**
   * Makes the context's user the root requester, and only that, of what a workload makes from then on.
   * Throws `binding_conflict` when its code was changed after the generation that is said,
   * `request_invalid` for another object than is on record, `permission_denied` for a pod.
   */
  reset(context: AdmissionContext, workload: AdmittedWorkload): Promise<DelegationChain>
  /**
   * Nothing was told of a namespace for a while: whoever edited templates meanwhile is not on
   * record, so nobody is a co-requester of all that its workloads make.
   */
  recordUnwatched(namespace: string): Promise<void>
}

/** Whom an object is made for, and through which objects. */
interface Origin extends ChainAge {
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
  const keeperOf = createKeeperFinder(workloads)

  async function originOf(context: AdmissionContext): Promise<Origin> {
    const { user, controller, namespace } = context
    if (controller !== undefined && isControllerOf(user, controller)) {
      return originOfOwner(controller, namespace)
    }
    const launcher = await launcherOf(bindings, user)
    if (launcher === undefined) return begin(newChain(toRequester(user)))
    const { chain, beganAtMs, renewedAtMs } = launcher
    return { chain, via: [], beganAtMs, renewedAtMs }
  }

  function begin(chain: DelegationChain, via: readonly Via[] = []): Origin {
    return { chain, via, ...newAge(deps.now()) }
  }

  /** Unattributed when the owner is not on record, or is not the object that the controller names. */
  async function originOfOwner(claimed: ControllerReference, namespace: string): Promise<Origin> {
    const step = { kind: claimed.kind, name: claimed.name }
    const owner = await workloads.find(claimed.uid)
    const genuine =
      owner !== undefined &&
      owner.kind === claimed.kind &&
      owner.name === claimed.name &&
      owner.namespace === namespace &&
      groupOf(owner.apiVersion) === groupOf(claimed.apiVersion)
    if (!genuine) return begin(newChain(UNATTRIBUTED), [step])
    return { ...(await chainOf(owner)), via: [...owner.via, step] }
  }

  /**
   * Whom a workload makes pods for. A Deployment that is rolled back takes an older ReplicaSet up
   * again, and may take up one that it did not make: who chose that is on the Deployment's record.
   */
  async function chainOf(owner: Workload): Promise<Omit<Origin, 'via'>> {
    const { chain, beganAtMs, renewedAtMs } = owner
    const own = { chain, beganAtMs, renewedAtMs }
    if (owner.controllerUid === '') return own
    const deployment = await workloads.find(owner.controllerUid)
    const genuine = deployment?.kind === 'Deployment' && deployment.namespace === owner.namespace
    if (!genuine) return { ...own, chain: withEveryoneOf(chain, newChain(UNATTRIBUTED)) }
    const age = haveSameRoot(chain, deployment.chain) ? joinedAge(own, deployment) : own
    return { ...age, chain: withEveryoneOf(chain, deployment.chain) }
  }

  async function bindPod(context: AdmissionContext, pod: AdmittedPod): Promise<DelegationChain> {
    const { chain, via, beganAtMs, renewedAtMs } = await originOf(context)
    const actor = {
      podUid: pod.podUid,
      namespace: context.namespace,
      name: pod.podName,
      serviceAccount: pod.serviceAccount,
      via,
    }
    const bound = checkLength({ ...chain, actors: [...chain.actors, actor] })
    if (!context.dryRun) {
      const { podUid } = pod
      const boundAtMs = deps.now()
      await bindings.record({ podUid, chain: bound, boundAtMs, beganAtMs, renewedAtMs })
    }
    return bound
  }

  async function recordCreated(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    const { user, controller, namespace } = context
    const { chain, via, ...age } = await originOf(context)
    checkLength(chain)
    const controllerUid = await keeperOf(workload, controller)
    const created = await reviseSeen(context, workload, (known) => {
      if (known !== undefined && JSON.stringify(known.chain) !== JSON.stringify(chain)) {
        throw new Fault(
          'binding_conflict',
          'Cannot record the object: its UID is on record already',
        )
      }
      return known ?? { ...newWorkload(workload, namespace, age, chain), via, controllerUid }
    })
    // What a controller makes for its owner has nobody that the owner has not.
    const own = controller !== undefined && isControllerOf(user, controller)
    if (!own) await joinKeeper(context, controllerUid, created.chain)
    return created.chain
  }

  async function recordChanged(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    // A controller of the cluster copies what others wrote, and those are on record for it.
    const launcher = await launcherOf(bindings, context.user)
    const editors = isBuiltInController(context.user) ? [] : everyoneBehind(context.user, launcher)
    const controllerUid = await keeperOf(workload, context.controller)
    const changed = await reviseSeen(context, workload, (known) => {
      const before = known ?? newWorkload(workload, context.namespace, newAge(deps.now()))
      const { generation } = workload
      const chain = editors.reduce(withCoRequester, before.chain)
      const renewedAtMs = renewedAt(before, context.user, launcher, deps.now())
      const sameAge = renewedAtMs === before.renewedAtMs
      const same = sameAge && chain === before.chain && generation <= before.generation
      return adopted(same ? before : { ...before, chain, generation, renewedAtMs }, controllerUid)
    })
    const taken = controllerUid !== '' && controllerUid === changed.controllerUid
    await joinKeeper(context, changed.controllerUid, taken ? changed.chain : editors)
    return changed.chain
  }

  async function recordAdopted(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    const controllerUid = await keeperOf(workload, context.controller)
    const taken = await reviseSeen(context, workload, (known) =>
      adopted(known ?? newWorkload(workload, context.namespace, newAge(deps.now())), controllerUid),
    )
    if (controllerUid !== '') await joinKeeper(context, controllerUid, taken.chain)
    return taken.chain
  }

  /** What a Deployment or a set keeps, it may run: so whoever wrote that is on its record, too. */
  async function joinKeeper(
    context: AdmissionContext,
    uid: string,
    authors: DelegationChain | readonly UserInfo[],
  ): Promise<void> {
    const { controller, namespace } = context
    if (uid === '' || (Array.isArray(authors) && authors.length === 0)) return
    const known = await workloads.find(uid)
    if (known === undefined && controller?.uid !== uid) return
    const { apiVersion = '', kind = '', name = '' } = controller ?? {}
    const keeper = { uid, apiVersion, kind, name, generation: 0 }
    const fromBefore = newWorkload(keeper, namespace, newAge(deps.now()))
    await revise(context, uid, (keeper = fromBefore) => withAuthors(keeper, namespace, authors))
  }

  async function recordTouched(
    context: AdmissionContext,
    workload: AdmittedWorkload,
    fields: readonly string[],
  ): Promise<DelegationChain> {
    const touch = { username: context.user.username, atMs: deps.now(), fields }
    const launcher = await launcherOf(bindings, context.user)
    const touched = await reviseSeen(context, workload, (known) => {
      const before = known ?? newWorkload(workload, context.namespace, newAge(deps.now()))
      const renewedAtMs = renewedAt(before, context.user, launcher, deps.now())
      const touches = [...before.touches, touch].slice(-TOUCHES_MAX)
      return { ...before, touches, renewedAtMs }
    })
    return touched.chain
  }

  async function reset(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    const { user, namespace } = context
    if (boundPodUid(user) !== undefined || isBuiltInController(user)) {
      throw new Fault(
        'permission_denied',
        'Only a person or an account outside pods resets a chain',
      )
    }
    const made = await revise(context, workload.uid, (known) => {
      const before = known ?? newWorkload(workload, namespace, newAge(deps.now()))
      checkResettable(before, workload, namespace)
      const chain = newChain(toRequester(user))
      // Whoever resets has looked at the code: what it was before means nothing any more.
      return { ...before, chain, via: [], seenCodes: [], ...newAge(deps.now()) }
    })
    return made.chain
  }

  /** Revises a workload whose code is seen by this. */
  async function reviseSeen(
    context: AdmissionContext,
    workload: AdmittedWorkload,
    change: (known: Workload | undefined) => Workload,
  ): Promise<Workload> {
    return revise(context, workload.uid, (known) =>
      withSeenCode(change(known), workload.codeDigest),
    )
  }

  /** When two callers revise a workload at the same time, the second revises the result of the first. */
  async function revise(
    { dryRun }: AdmissionContext,
    uid: string,
    change: (known: Workload | undefined) => Workload,
  ): Promise<Workload> {
    return dryRun ? change(await workloads.find(uid)) : workloads.revise(uid, change)
  }

  return {
    resolve: async (context) => checkLength((await originOf(context)).chain),
    bindPod,
    recordCreated,
    recordChanged,
    recordAdopted,
    recordTouched,
    reset,
    recordUnwatched: (namespace) =>
      workloads.reviseNamespace(namespace, (known) => {
        const chain = withCoRequester(known.chain, UNATTRIBUTED)
        return chain === known.chain ? known : { ...known, chain }
      }),
  }
}

/** The last touches that are kept of a workload: enough to see who did it, and bounded. */
const TOUCHES_MAX = 8

/** The workload with the controller that it has from now on; one that lost its own keeps it here. */
function adopted(workload: Workload, controllerUid: string): Workload {
  const same = controllerUid === '' || controllerUid === workload.controllerUid
  return same ? workload : { ...workload, controllerUid }
}
