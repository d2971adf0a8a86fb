import type { Approvals } from '../approvals/approvals.ts'
import { requestNotice, toNotice } from './approval-notice.ts'
import type { Notifier } from './notifier.ts'

const CHANGES_AT_ONCE = 200

type ReadStore = Pick<Approvals['store'], 'list' | 'revision' | 'changesAfter' | 'onChange'>

/**
 * Tells the notifier what changes. What waits when the process starts is told again with the same ids, so that nothing
 * that can still be answered is lost by a restart. Returns the way to stop.
 */
export function announceApprovals(store: ReadStore, notifier: Pick<Notifier, 'tell'>): () => void {
  let cursor = store.revision()
  tellPending()

  function follow(): void {
    for (;;) {
      const found = store.changesAfter(cursor, CHANGES_AT_ONCE)
      if (found === undefined) {
        // Too much has changed since: what waits is what matters.
        cursor = store.revision()
        tellPending()
        return
      }
      for (const change of found) {
        const notice = toNotice(change)
        if (notice !== undefined) notifier.tell(notice)
      }
      cursor = found.at(-1)?.revision ?? cursor
      if (found.length < CHANGES_AT_ONCE) return
    }
  }

  function tellPending(): void {
    let afterId = ''
    for (;;) {
      const batch = store.list({ pendingOnly: true }, afterId, CHANGES_AT_ONCE)
      for (const request of batch) notifier.tell(requestNotice(request))
      afterId = batch.at(-1)?.id ?? afterId
      if (batch.length < CHANGES_AT_ONCE) return
    }
  }

  return store.onChange(follow)
}
