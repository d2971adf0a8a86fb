import { expire, expireGrant } from '../../core/approvals/request-life.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { AccessRequestStore } from '../store/access-request-store.ts'

/** How many are closed at a time. */
const BATCH = 100
/** A clock that was set back, or a store that failed, is looked at again after this time. */
const LOOK_MS_MAX = 60_000
const RETRY_MS = 1_000
const REMOVE_EVERY_MS = 3_600_000
/** Closed requests are kept for a month: as long as somebody may ask why. Their records stay with the decisions. */
const KEPT_MS = 30 * 86_400_000

export interface DueApprovals {
  stop(): void
}

export interface DueApprovalsDeps {
  readonly store: Pick<
    AccessRequestStore,
    'change' | 'changeGrant' | 'due' | 'nextDueMs' | 'onChange' | 'removeClosed'
  >
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Closes requests and grants whose time is over, when it is over. What is decided looks at the time itself, so that
 * nothing rests on this: it puts the end on record, and has what is open judged again.
 */
export function startDueApprovals({ store, clock, logger }: DueApprovalsDeps): DueApprovals {
  let cancelTimer = () => {}
  let stopped = false
  let running = false
  let removedAtMs = Number.NEGATIVE_INFINITY

  function schedule(ms: number): void {
    cancelTimer()
    if (!stopped) cancelTimer = clock.after(ms, () => void look())
  }

  function next(): void {
    const dueMs = store.nextDueMs()
    const waitMs = dueMs === undefined ? LOOK_MS_MAX : dueMs - clock.nowMs()
    schedule(Math.min(LOOK_MS_MAX, Math.max(0, waitMs)))
  }

  async function look(): Promise<void> {
    if (running) return
    running = true
    try {
      await closeDue(store, clock.nowMs())
      if (clock.monotonicMs() - removedAtMs >= REMOVE_EVERY_MS) {
        removedAtMs = clock.monotonicMs()
        while ((await store.removeClosed(clock.nowMs() - KEPT_MS, BATCH)) === BATCH);
      }
      running = false
      if (!stopped) next()
    } catch (error) {
      running = false
      // Recorded here, and tried again; meanwhile nothing passes by what is over.
      logger.warn({ error }, 'Cannot close access requests whose time is over')
      schedule(RETRY_MS)
    }
  }

  const unfollow = store.onChange(() => {
    if (!running && !stopped) next()
  })
  void look()
  return {
    stop() {
      stopped = true
      unfollow()
      cancelTimer()
    },
  }
}

/** Closes what is due, some of it at a time. */
export async function closeDue(store: DueApprovalsDeps['store'], nowMs: number): Promise<void> {
  const { requests, grants } = store.due(nowMs, BATCH)
  for (const { id } of requests) {
    await store.change(id, (request) => {
      const expired = expire(request, nowMs)
      return expired === undefined ? undefined : { request: expired }
    })
  }
  for (const { id } of grants) await store.changeGrant(id, (grant) => expireGrant(grant, nowMs))
}
