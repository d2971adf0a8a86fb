import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { AuditEventFilter, AuditEventReader } from '../store/audit-event-store.ts'
import { READ_BATCH } from './api-resource.ts'

/** First stretch of the log that is searched for the newest events; each further one is longer. */
const STRETCH = 2_000
const STRETCH_MAX = 200_000

/**
 * The order of records and the order of decision times differ by what waits for one group commit
 * and by small steps of the clock.
 */
const DISORDER_MS = 10_000

/** Finds events of a log that can only be read forwards, by their sequence. */
export interface AuditEventScan {
  /** Calls `take` for each selected event after a sequence, oldest first, until it says false. */
  forward(afterSequence: number, take: (event: AuditEvent) => boolean): Promise<void>
  /** The newest selected events, oldest first; none decided before `sinceMs`. */
  newest(count: number, sinceMs: number | undefined): Promise<readonly AuditEvent[]>
  /** A sequence after which every event decided at `sinceMs` or later stands. */
  sequenceBefore(sinceMs: number): Promise<number>
  highestSequence(): Promise<number>
}

/** `selected` sees the events that the store's own filter lets through. */
export function createAuditEventScan(
  events: AuditEventReader,
  filter: AuditEventFilter,
  selected: (event: AuditEvent) => boolean,
): AuditEventScan {
  async function firstAfter(afterSequence: number): Promise<AuditEvent | undefined> {
    const page = await events.list({}, { afterSequence, limit: 1 })
    return page.events[0]
  }

  /** The lowest sequence whose next event is absent or satisfies `done`. Halves the log each time. */
  async function search(done: (event: AuditEvent) => boolean): Promise<number> {
    // Every append is a change, so no sequence lies above the revision.
    const { revision } = await events.list({}, { afterSequence: 0, limit: 1 })
    let [low, high] = [0, revision]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const event = await firstAfter(middle)
      if (event === undefined || done(event)) high = middle
      else low = middle + 1
    }
    return low
  }

  async function forward(
    afterSequence: number,
    take: (event: AuditEvent) => boolean,
  ): Promise<void> {
    let after = afterSequence
    for (;;) {
      const page = await events.list(filter, { afterSequence: after, limit: READ_BATCH })
      for (const event of page.events) {
        after = event.sequence
        if (selected(event) && !take(event)) return
      }
      if (page.events.length < READ_BATCH) return
    }
  }

  const highestSequence = () => search(() => false)
  const sequenceBefore = (sinceMs: number) =>
    search((event) => event.decidedAtMs >= sinceMs - DISORDER_MS)

  async function newest(count: number, sinceMs = 0): Promise<readonly AuditEvent[]> {
    const oldest = sinceMs === 0 ? 0 : await sequenceBefore(sinceMs)
    let found: readonly AuditEvent[] = []
    let until = await highestSequence()
    for (let length = STRETCH; until > oldest && found.length < count; length *= 4) {
      const after = Math.max(oldest, until - Math.min(length, STRETCH_MAX))
      const earlier = await newestBetween(forward, after, until, count - found.length)
      found = [...earlier.filter((event) => event.decidedAtMs >= sinceMs), ...found]
      until = after
    }
    return found
  }

  return { forward, newest, sequenceBefore, highestSequence }
}

/** Those with `after < sequence <= until`; when they are more than `count`, the newest. */
async function newestBetween(
  forward: AuditEventScan['forward'],
  after: number,
  until: number,
  count: number,
): Promise<readonly AuditEvent[]> {
  let found: AuditEvent[] = []
  await forward(after, (event) => {
    if (event.sequence > until) return false
    found.push(event)
    if (found.length >= 2 * count) found = found.slice(-count)
    return true
  })
  return found.slice(-count)
}
