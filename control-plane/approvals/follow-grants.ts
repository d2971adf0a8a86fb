import type { AccessRequestStore } from '../store/access-request-store.ts'
import { followChanges } from './follow-changes.ts'

/**
 * Calls back with the UID of the pod whose grant was closed, so that what is open under the grant is judged again.
 * Returns the way to stop.
 */
export function followGrants(
  store: Pick<AccessRequestStore, 'changesAfter' | 'get' | 'onChange' | 'revision'>,
  onClosed: (podUid: string) => void,
): () => void {
  return followChanges(store, (change) => {
    if (change.kind !== 'grant' || change.grant.closing === undefined) return
    const request = store.get(change.grant.requestId)
    if (request !== undefined) onClosed(request.held.caller.podUid)
  })
}
