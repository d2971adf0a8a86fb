import { type DelegationChain, UNATTRIBUTED } from '../../core/chain.ts'
import type { ChainAge } from '../store/pod-binding-store.ts'
import type { Workload } from '../store/workload-store.ts'
import { newChain } from './requesters.ts'

/** An object as admission shows it. */
export type AdmittedWorkload = Pick<Workload, 'uid' | 'apiVersion' | 'kind' | 'name' | 'generation'>

/** An object that is recorded for the first time: unattributed, unless a chain is given. */
export function newWorkload(
  workload: AdmittedWorkload,
  namespace: string,
  age: ChainAge,
  chain: DelegationChain = newChain(UNATTRIBUTED),
): Workload {
  const { uid, apiVersion, kind, name, generation } = workload
  const known = { uid, apiVersion, kind, name, generation, namespace, chain, ...age }
  return { ...known, via: [], controllerUid: '', touches: [] }
}
