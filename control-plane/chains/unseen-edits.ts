import { UNATTRIBUTED, withCoRequester } from '../../core/chain.ts'
import { codeDigest, unseenParts } from '../../core/templates/code-digest.ts'
import type { Logger } from '../../platform/logger.ts'
import type { ListedWorkload, WorkloadLister } from '../kubernetes/workload-lister.ts'
import type { Workload, WorkloadStore } from '../store/workload-store.ts'
import { withSeenCode } from './new-workload.ts'

export interface UnseenEditsDeps {
  readonly workloads: Pick<WorkloadStore, 'find' | 'revise' | 'namespaces'>
  readonly list: WorkloadLister
  readonly isInjected: (namespace: string) => boolean
  readonly logger: Logger
}

/** What a look at all objects found. */
export interface UnseenEdits {
  readonly objects: number
  /** Objects that somebody changed unseen. */
  readonly unseen: number
  /**
   * Objects on record without any earlier code, so that an edit cannot be told. Objects that are not on record
   * do not count: nobody answers for them, whoever edits them.
   */
  readonly unknown: number
}

/** What a look found, and when it ended (Unix milliseconds). */
export interface ComparedEdits extends UnseenEdits {
  readonly comparedAtMs: number
}

/** How much later than its keeper's record a template may seem to have been made, since the times come from two clocks. */
const CLOCKS_MS_MAX = 60_000

/**
 * Compares the objects of opted-in namespaces with what was seen of them. Whoever chose code that nobody was told
 * of is not known, so `lanyard:unattributed` is a co-requester of what the object makes from then on, as for
 * a namespace that was opted out. Throws when the objects cannot be listed, or the finding cannot be recorded.
 */
export async function noticeUnseenEdits(deps: UnseenEditsDeps): Promise<UnseenEdits> {
  const found = { objects: 0, unseen: 0, unknown: 0 }
  for (const namespace of await deps.workloads.namespaces()) {
    if (!deps.isInjected(namespace)) continue
    for await (const listed of deps.list(namespace)) {
      found.objects += 1
      const what = await look(deps, namespace, listed)
      if (what === 'unseen' || what === 'unknown') found[what] += 1
    }
  }
  return found
}

type EditFinding = 'seen' | 'unseen' | 'unknown' | 'not on record'

async function look(
  deps: UnseenEditsDeps,
  namespace: string,
  listed: ListedWorkload,
): Promise<EditFinding> {
  const { uid = '', generation = 0 } = listed.object.metadata ?? {}
  const known = await deps.workloads.find(uid)
  if (known === undefined) return lookAtStranger(deps, namespace, listed)
  const code = codeDigest(`${listed.group}/${listed.kind}`, listed.object)
  const parts = unseenParts(code, known.seenCodes).filter(
    // A new version of Kubernetes may fill in fields, which is no edit: the generation stays.
    (part) => part !== 'spec' || generation === 0 || generation !== known.lookedAtGeneration,
  )
  const unknown = known.seenCodes.length === 0
  const unseen = !unknown && parts.length > 0
  if (known.lookedAtGeneration !== generation || known.seenCodes.at(-1) !== code) {
    await deps.workloads.revise(uid, (now = known) => {
      const looked = { ...withSeenCode(now, code), lookedAtGeneration: generation }
      return unseen ? withoutAuthor(looked) : looked
    })
  }
  if (!unseen) return unknown ? 'unknown' : 'seen'
  report(deps.logger, namespace, listed, parts)
  await keeperLosesAuthor(deps, namespace, known.controllerUid)
  return 'unseen'
}

/**
 * A template that is not on record and was made after its keeper was: the keeper may run it. One that is older
 * is from before Lanyard, or from before a reset.
 */
async function lookAtStranger(
  deps: UnseenEditsDeps,
  namespace: string,
  listed: ListedWorkload,
): Promise<EditFinding> {
  const { kind, object } = listed
  if (kind !== 'ReplicaSet' && kind !== 'ControllerRevision') return 'not on record'
  const { ownerReferences = [], creationTimestamp } = object.metadata ?? {}
  const keeperUid = ownerReferences.find(({ controller }) => controller === true)?.uid ?? ''
  const keeper = keeperUid === '' ? undefined : await deps.workloads.find(keeperUid)
  const createdAtMs = creationTimestamp === undefined ? 0 : new Date(creationTimestamp).getTime()
  if (keeper === undefined || createdAtMs <= keeper.beganAtMs + CLOCKS_MS_MAX)
    return 'not on record'
  const before = keeper.chain
  await keeperLosesAuthor(deps, namespace, keeperUid)
  if (withoutAuthor(keeper).chain !== before) report(deps.logger, namespace, listed, ['created'])
  return 'unseen'
}

async function keeperLosesAuthor(
  { workloads }: UnseenEditsDeps,
  namespace: string,
  uid: string,
): Promise<void> {
  const keeper = uid === '' ? undefined : await workloads.find(uid)
  if (keeper?.namespace !== namespace) return
  await workloads.revise(uid, (known = keeper) => withoutAuthor(known))
}

function withoutAuthor(known: Workload): Workload {
  const chain = withCoRequester(known.chain, UNATTRIBUTED)
  return chain === known.chain ? known : { ...known, chain }
}

/** Managers are names that clients give themselves, and no proof: a hint for whoever asks. */
function report(
  logger: Logger,
  namespace: string,
  { kind, object }: ListedWorkload,
  parts: readonly string[],
): void {
  const { name, uid, generation, managedFields = [] } = object.metadata ?? {}
  const managers = managedFields.map(({ manager, operation, time }) => ({
    ...{ manager, operation, time },
  }))
  logger.warn(
    { namespace, kind, name, uid, generation, parts, managers },
    'Changed while nobody was told: its author is not known',
  )
}
