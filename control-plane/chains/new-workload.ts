import { type DelegationChain, UNATTRIBUTED } from '../../core/chain.ts'
import type { ChainAge } from '../store/pod-binding-store.ts'
import type { Workload } from '../store/workload-store.ts'
import { newChain } from './requesters.ts'

/** An object as admission shows it. */
export type AdmittedWorkload = Pick<
  Workload,
  'uid' | 'apiVersion' | 'kind' | 'name' | 'generation'
> & {
  /** What chooses code in it, as `codeDigest`; empty when that was not told. */
  readonly codeDigest?: string
}

/** Of how many codes it is kept that they were seen: those of writes that failed later are among them. */
const SEEN_CODES_MAX = 16

/**
 * The workload with one more code that was seen; itself when it was the last one. A write that does not tell its code
 * may have chosen any, so that nothing can be compared any more: an older injector tells none.
 */
export function withSeenCode(workload: Workload, code = ''): Workload {
  if (workload.seenCodes.at(-1) === code) return workload
  if (code === '')
    return workload.seenCodes.length === 0 ? workload : { ...workload, seenCodes: [] }
  const others = workload.seenCodes.filter((one) => one !== code)
  return { ...workload, seenCodes: [...others, code].slice(-SEEN_CODES_MAX) }
}

/** An object that is recorded for the first time: unattributed, unless a chain is given. */
export function newWorkload(
  workload: AdmittedWorkload,
  namespace: string,
  age: ChainAge,
  chain: DelegationChain = newChain(UNATTRIBUTED),
): Workload {
  const { uid, apiVersion, kind, name, generation } = workload
  const known = { uid, apiVersion, kind, name, generation, namespace, chain, ...age }
  return {
    ...{ ...known, via: [], controllerUid: '', touches: [] },
    ...{ seenCodes: [], lookedAtGeneration: 0 },
  }
}
