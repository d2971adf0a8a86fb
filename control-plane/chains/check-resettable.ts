import { Fault } from '../../core/fault.ts'
import { groupOf } from '../../core/kubernetes/workload-kinds.ts'
import type { Workload } from '../store/workload-store.ts'
import type { AdmittedWorkload } from './new-workload.ts'

/**
 * Throws `request_invalid` for another object than was meant, and `binding_conflict` for code that nobody looked
 * at.
 */
export function checkResettable(known: Workload, meant: AdmittedWorkload, namespace: string): void {
  const same =
    known.namespace === namespace &&
    known.kind === meant.kind &&
    known.name === meant.name &&
    groupOf(known.apiVersion) === groupOf(meant.apiVersion)
  if (!same) {
    throw new Fault(
      'request_invalid',
      'Another object is on record with this UID; look it up again',
    )
  }
  if (known.generation > meant.generation) {
    throw new Fault(
      'binding_conflict',
      `The code was changed in generation ${known.generation}; look at it again before you answer for it`,
    )
  }
}
