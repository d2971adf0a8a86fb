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
import { adopted, createKeeperFinder, withAuthors } from './keepers.ts'
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
export function createChainRegistry(deps: RegistryDeps): ChainRegistry {
  return new StoredRegistry(deps)
}

export interface RegistryDeps {
  readonly bindings: Pick<PodBindingStore, 'find' | 'record'>
  readonly workloads: WorkloadStore
  readonly now: () => number
}

class StoredRegistry implements ChainRegistry {
  readonly #bindings: RegistryDeps['bindings']
  readonly #workloads: WorkloadStore
  readonly #now: () => number
  readonly #keeperOf: ReturnType<typeof createKeeperFinder>

  constructor({ bindings, workloads, now }: RegistryDeps) {
    this.#bindings = bindings
    this.#workloads = workloads
    this.#now = now
    this.#keeperOf = createKeeperFinder(workloads)
  }

  async resolve(context: AdmissionContext): Promise<DelegationChain> {
    return checkLength((await this.#originOf(context)).chain)
  }

  async #originOf(context: AdmissionContext): Promise<Origin> {
    const { user, controller, namespace } = context
    if (controller !== undefined && isControllerOf(user, controller)) {
      return this.#originOfOwner(controller, namespace)
    }
    const launcher = await launcherOf(this.#bindings, user)
    if (launcher === undefined) return this.#begin(newChain(toRequester(user)))
    const { chain, beganAtMs, renewedAtMs } = launcher
    return { chain, via: [], beganAtMs, renewedAtMs }
  }

  #begin(chain: DelegationChain, via: readonly Via[] = []): Origin {
    return { chain, via, ...newAge(this.#now()) }
  }

  /** Unattributed when the owner is not on record, or is not the object that the controller names. */
  async #originOfOwner(claimed: ControllerReference, namespace: string): Promise<Origin> {
    const step = { kind: claimed.kind, name: claimed.name }
    const owner = await this.#workloads.find(claimed.uid)
    const genuine =
      owner !== undefined &&
      owner.kind === claimed.kind &&
      owner.name === claimed.name &&
      owner.namespace === namespace &&
      groupOf(owner.apiVersion) === groupOf(claimed.apiVersion)
    if (!genuine) return this.#begin(newChain(UNATTRIBUTED), [step])
    return { ...(await this.#chainOf(owner)), via: [...owner.via, step] }
  }

  /**
   * Whom a workload makes pods for. A Deployment that is rolled back takes an older ReplicaSet up
   * again, and may take up one that it did not make: who chose that is on the Deployment's record.
   */
  async #chainOf(owner: Workload): Promise<Omit<Origin, 'via'>> {
    const { chain, beganAtMs, renewedAtMs } = owner
    const own = { chain, beganAtMs, renewedAtMs }
    if (owner.controllerUid === '') return own
    const deployment = await this.#workloads.find(owner.controllerUid)
    const genuine = deployment?.kind === 'Deployment' && deployment.namespace === owner.namespace
    if (!genuine) return { ...own, chain: withEveryoneOf(chain, newChain(UNATTRIBUTED)) }
    const age = haveSameRoot(chain, deployment.chain) ? joinedAge(own, deployment) : own
    return { ...age, chain: withEveryoneOf(chain, deployment.chain) }
  }

  async bindPod(context: AdmissionContext, pod: AdmittedPod): Promise<DelegationChain> {
    const { chain, via, beganAtMs, renewedAtMs } = await this.#originOf(context)
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
      const boundAtMs = this.#now()
      await this.#bindings.record({ podUid, chain: bound, boundAtMs, beganAtMs, renewedAtMs })
    }
    return bound
  }

  async recordCreated(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    const { user, controller, namespace } = context
    const { chain, via, ...age } = await this.#originOf(context)
    checkLength(chain)
    const controllerUid = await this.#keeperOf(workload, controller)
    const created = await this.#reviseSeen(context, workload, (known) => {
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
    if (!own) await this.#joinKeeper(context, controllerUid, created.chain)
    return created.chain
  }

  async recordChanged(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    // A controller of the cluster copies what others wrote, and those are on record for it.
    const launcher = await launcherOf(this.#bindings, context.user)
    const editors = isBuiltInController(context.user) ? [] : everyoneBehind(context.user, launcher)
    const controllerUid = await this.#keeperOf(workload, context.controller)
    const changed = await this.#reviseSeen(context, workload, (known) => {
      const before = known ?? newWorkload(workload, context.namespace, newAge(this.#now()))
      const { generation } = workload
      const chain = editors.reduce(withCoRequester, before.chain)
      const renewedAtMs = renewedAt(before, context.user, launcher, this.#now())
      const sameAge = renewedAtMs === before.renewedAtMs
      const same = sameAge && chain === before.chain && generation <= before.generation
      return adopted(same ? before : { ...before, chain, generation, renewedAtMs }, controllerUid)
    })
    const taken = controllerUid !== '' && controllerUid === changed.controllerUid
    await this.#joinKeeper(context, changed.controllerUid, taken ? changed.chain : editors)
    return changed.chain
  }

  async recordAdopted(
    context: AdmissionContext,
    workload: AdmittedWorkload,
  ): Promise<DelegationChain> {
    const controllerUid = await this.#keeperOf(workload, context.controller)
    const taken = await this.#reviseSeen(context, workload, (known) =>
      adopted(
        known ?? newWorkload(workload, context.namespace, newAge(this.#now())),
        controllerUid,
      ),
    )
    if (controllerUid !== '') await this.#joinKeeper(context, controllerUid, taken.chain)
    return taken.chain
  }

  /** What a Deployment or a set keeps, it may run: so whoever wrote that is on its record, too. */
  async #joinKeeper(
    context: AdmissionContext,
    uid: string,
    authors: DelegationChain | readonly UserInfo[],
  ): Promise<void> {
    const { controller, namespace } = context
    if (uid === '' || (Array.isArray(authors) && authors.length === 0)) return
    const known = await this.#workloads.find(uid)
    if (known === undefined && controller?.uid !== uid) return
    const { apiVersion = '', kind = '', name = '' } = controller ?? {}
    const keeper = { uid, apiVersion, kind, name, generation: 0 }
    const fromBefore = newWorkload(keeper, namespace, newAge(this.#now()))
    await this.#revise(context, uid, (keeper = fromBefore) =>
      withAuthors(keeper, namespace, authors),
    )
  }

  async recordTouched(
    context: AdmissionContext,
    workload: AdmittedWorkload,
    fields: readonly string[],
  ): Promise<DelegationChain> {
    const touch = { username: context.user.username, atMs: this.#now(), fields }
    const launcher = await launcherOf(this.#bindings, context.user)
    const touched = await this.#reviseSeen(context, workload, (known) => {
      const before = known ?? newWorkload(workload, context.namespace, newAge(this.#now()))
      const renewedAtMs = renewedAt(before, context.user, launcher, this.#now())
      const touches = [...before.touches, touch].slice(-TOUCHES_MAX)
      return { ...before, touches, renewedAtMs }
    })
    return touched.chain
  }

  async reset(context: AdmissionContext, workload: AdmittedWorkload): Promise<DelegationChain> {
    const { user, namespace } = context
    if (boundPodUid(user) !== undefined || isBuiltInController(user)) {
      throw new Fault(
        'permission_denied',
        'Only a person or an account outside pods resets a chain',
      )
    }
    const made = await this.#revise(context, workload.uid, (known) => {
      const before = known ?? newWorkload(workload, namespace, newAge(this.#now()))
      checkResettable(before, workload, namespace)
      const chain = newChain(toRequester(user))
      // Whoever resets has looked at the code: what it was before means nothing any more.
      return { ...before, chain, via: [], seenCodes: [], ...newAge(this.#now()) }
    })
    return made.chain
  }

  /** Revises a workload whose code is seen by this. */
  async #reviseSeen(
    context: AdmissionContext,
    workload: AdmittedWorkload,
    change: (known: Workload | undefined) => Workload,
  ): Promise<Workload> {
    return this.#revise(context, workload.uid, (known) =>
      withSeenCode(change(known), workload.codeDigest),
    )
  }

  /** When two callers revise a workload at the same time, the second revises the result of the first. */
  async #revise(
    { dryRun }: AdmissionContext,
    uid: string,
    change: (known: Workload | undefined) => Workload,
  ): Promise<Workload> {
    return dryRun ? change(await this.#workloads.find(uid)) : this.#workloads.revise(uid, change)
  }

  recordUnwatched(namespace: string): Promise<void> {
    return this.#workloads.reviseNamespace(namespace, (known) => {
      const chain = withCoRequester(known.chain, UNATTRIBUTED)
      return chain === known.chain ? known : { ...known, chain }
    })
  }
}

/** The last touches that are kept of a workload: enough to see who did it, and bounded. */
const TOUCHES_MAX = 8
