import { type DelegationChain, withCoRequester } from '../../core/chain.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { groupOf } from '../../core/kubernetes/workload-kinds.ts'
import type { Workload, WorkloadStore } from '../store/workload-store.ts'
import type { ControllerReference } from './controllers.ts'
import { withEveryoneOf } from './requesters.ts'

/** What a template is kept for, by its kind in the group apps. */
const KEEPERS: Readonly<Record<string, readonly string[]>> = {
  ReplicaSet: ['Deployment'],
  ControllerRevision: ['StatefulSet', 'DaemonSet'],
}

type KeptTemplate = Pick<Workload, 'apiVersion' | 'kind'>

/** The Deployment or the set that keeps a template, by UID; empty for what is kept for nobody. */
export function createKeeperFinder(workloads: Pick<WorkloadStore, 'find'>) {
  /**
   * Controllers look at the UID alone, whatever kind an owner reference says (Kubernetes v1.34
   * pkg/controller/controller_ref_manager.go, ClaimObject; history/controller_history.go:213), so what
   * is on record by that UID counts, too.
   */
  return async function keeperOf(
    template: KeptTemplate,
    controller: ControllerReference | undefined,
  ): Promise<string> {
    const kinds = groupOf(template.apiVersion) === 'apps' ? (KEEPERS[template.kind] ?? []) : []
    if (controller === undefined || kinds.length === 0) return ''
    if (isKeeper(kinds, controller)) return controller.uid
    const known = await workloads.find(controller.uid)
    return known !== undefined && isKeeper(kinds, known) ? known.uid : ''
  }
}

function isKeeper(kinds: readonly string[], object: KeptTemplate): boolean {
  return groupOf(object.apiVersion) === 'apps' && kinds.includes(object.kind)
}

/**
 * The keeper with whoever wrote a template of its own: its controller, or a person who goes back, may
 * run that one next. A keeper of another namespace is none, and stays as it is.
 */
export function withAuthors(
  keeper: Workload,
  namespace: string,
  authors: DelegationChain | readonly UserInfo[],
): Workload {
  if (keeper.namespace !== namespace) return keeper
  const chain = isChain(authors)
    ? withEveryoneOf(keeper.chain, authors)
    : authors.reduce(withCoRequester, keeper.chain)
  return chain === keeper.chain ? keeper : { ...keeper, chain }
}

function isChain(authors: DelegationChain | readonly UserInfo[]): authors is DelegationChain {
  return 'rootRequester' in authors
}

/** The workload with the controller that it has from now on; one that lost its own keeps it here. */
export function adopted(workload: Workload, controllerUid: string): Workload {
  const same = controllerUid === '' || controllerUid === workload.controllerUid
  return same ? workload : { ...workload, controllerUid }
}
