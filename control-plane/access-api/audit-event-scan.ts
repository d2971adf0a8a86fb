import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { AuditEventFilter, AuditEventReader } from '../store/audit-event-store.ts'
import { READ_BATCH } from './api-resource.ts'

/**
 * Records that one read of the store may look at. The store reads while nothing else runs, and
 * decisions must not wait for a search that finds little: so many take about a millisecond.
 */
export const STRETCH = 5_000

/**
 * The order of records and the order of decision times differ by what waits for one group commit
 * and by small steps of the clock.
 */
const DISORDER_MS = 10_000

/** Finds events of a log that can only be read forwards, by their sequence. */
export interface AuditEventScan {
  /**
   * Calls `take` for each selected event with `afterSequence < sequence <= untilSequence`, oldest
   * first, until it says false. Resolves with the sequence of the last event that was looked at,
   * selected or not.
   */
  forward(
    afterSequence: number,
    untilSequence: number,
    take: (event: AuditEvent) => boolean,
  ): Promise<number>
  /** The newest selected events, oldest first; none decided before `sinceMs`. */
  newest(count: number, sinceMs: number | undefined): Promise<readonly AuditEvent[]>
  /** A sequence after which every event decided at `sinceMs` or later stands. */
  sequenceBefore(sinceMs: number): Promise<number>
  /** A sequence after which no event was decided before `untilMs`. */
  sequenceUntil(untilMs: number): Promise<number>
  highestSequence(): Promise<number>
}

/** `selected` sees the events that the store's own filter lets through. */
export function createAuditEventScan(
  events: AuditEventReader,
  filter: AuditEventFilter,
  selected: (event: AuditEvent) => boolean,
): AuditEventScan {
  async function forward(
    afterSequence: number,
    untilSequence: number,
    take: (event: AuditEvent) => boolean,
  ): Promise<number> {
    let after = afterSequence
    while (after < untilSequence) {
      const until = Math.min(after + STRETCH, untilSequence)
      const page = await events.list(filter, {
        afterSequence: after,
        untilSequence: until,
        limit: READ_BATCH,
      })
      for (const event of page.events) {
        after = event.sequence
        if (selected(event) && !take(event)) return after
      }
      const isFull = page.events.length === READ_BATCH
      if (!isFull && until >= page.sequence) return Math.max(after, page.sequence)
      if (!isFull) after = until
      await letOthersRun()
    }
    return after
  }

  const sequenceBefore = (sinceMs: number) =>
    searchLog(events, (event) => event.decidedAtMs >= sinceMs - DISORDER_MS)
  const sequenceUntil = (untilMs: number) =>
    searchLog(events, (event) => event.decidedAtMs >= untilMs + DISORDER_MS)

  /** Stretch by stretch backwards, so that only as much is read as it takes. */
  async function newest(count: number, sinceMs = 0): Promise<readonly AuditEvent[]> {
    const oldest = sinceMs === 0 ? 0 : await sequenceBefore(sinceMs)
    let found: readonly AuditEvent[] = []
    let until = await highestSequence(events)
    // Most of the newest events are wanted as they are; a search that finds little goes in strides.
    for (let length = 2 * count; until > oldest && found.length < count; length *= 4) {
      const after = Math.max(oldest, until - Math.min(length, STRETCH))
      const earlier: AuditEvent[] = []
      await forward(after, until, (event) => {
        if (event.decidedAtMs >= sinceMs) earlier.push(event)
        // What is too much goes immediately: a stretch can hold more than is asked for.
        if (earlier.length > count - found.length) earlier.shift()
        return true
      })
      found = [...earlier, ...found]
      until = after
    }
    return found
  }

  return {
    ...{ forward, newest, sequenceBefore, sequenceUntil },
    highestSequence: () => highestSequence(events),
  }
}

/** The lowest sequence whose next event is absent or satisfies `done`; halves the log each time. */
async function searchLog(
  events: AuditEventReader,
  done: (event: AuditEvent) => boolean,
): Promise<number> {
  let [low, high] = [0, await highestSequence(events)]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const page = await events.list({}, { afterSequence: middle, limit: 1 })
    const [event] = page.events
    if (event === undefined || done(event)) high = middle
    else low = middle + 1
  }
  return low
}

async function highestSequence(events: AuditEventReader): Promise<number> {
  const page = await events.list({}, { afterSequence: Number.MAX_SAFE_INTEGER, limit: 1 })
  return page.sequence
}
