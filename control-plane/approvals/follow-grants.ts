import type { AccessRequestStore } from '../store/access-request-store.ts'

/** Changes that are looked at in one go. */
const BATCH = 500

/**
 * Calls back with the UID of the pod whose grant was closed, so that what is open under the grant is judged again.
 * Returns the way to stop.
 */
export function followGrants(
  store: Pick<AccessRequestStore, 'changesAfter' | 'get' | 'onChange' | 'revision'>,
  onClosed: (podUid: string) => void,
): () => void {
  let seen = store.revision()
  return store.onChange(() => {
    for (;;) {
      const changes = store.changesAfter(seen, BATCH) ?? []
      for (const change of changes) {
        if (change.kind !== 'grant' || change.grant.closing === undefined) continue
        const request = store.get(change.grant.requestId)
        if (request !== undefined) onClosed(request.held.caller.podUid)
      }
      seen = changes.at(-1)?.revision ?? store.revision()
      if (changes.length < BATCH) return
    }
  })
}
