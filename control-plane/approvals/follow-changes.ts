import type { AccessRequestStore, ChangedAccess } from '../store/access-request-store.ts'

/** Changes that are looked at in one go. */
const BATCH = 500

/**
 * Calls back with each change from now on, once and in order, whatever else there is: ten thousand requests that wait
 * cost a change nothing. Returns the way to stop.
 */
export function followChanges(
  store: Pick<AccessRequestStore, 'changesAfter' | 'onChange' | 'revision'>,
  onEach: (change: ChangedAccess) => void,
): () => void {
  let seen = store.revision()
  return store.onChange(() => {
    for (;;) {
      const changes = store.changesAfter(seen, BATCH) ?? []
      seen = changes.at(-1)?.revision ?? store.revision()
      for (const change of changes) onEach(change)
      if (changes.length < BATCH) return
    }
  })
}
