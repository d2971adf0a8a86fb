import type { AccessRequest } from '../../core/approvals/access-request.ts'
import { type Clock, startTimer } from '../../platform/clock.ts'
import type { AccessRequestStore } from '../store/access-request-store.ts'
import { followChanges } from './follow-changes.ts'

/** Calls of one pod that wait at the same time, and of all: each holds a call of gRPC open. */
const PER_POD_MAX = 16
const ALL_MAX = 2_048

/** Waits for answers of people. */
export interface AnswerWaiter {
  /**
   * The request once it is pending no more, or as it is when the time is over; immediately where too many wait.
   * Undefined when there is none.
   */
  wait(id: string, podUid: string, waitMs: number): Promise<AccessRequest | undefined>
  /** How many wait. */
  size(): number
}

/** Wakes whoever waits for a request when that request is pending no more. */
export function createAnswerWaiter(
  store: Pick<AccessRequestStore, 'changesAfter' | 'get' | 'onChange' | 'revision'>,
  clock: Clock,
): AnswerWaiter {
  const waiting = new Map<string, Set<() => void>>()
  const ofPods = new Map<string, number>()
  let all = 0
  followChanges(store, ({ id, kind, ...change }) => {
    const isOpen = 'request' in change && change.request.phase === 'Pending'
    if (kind === 'request' && !isOpen) for (const tell of waiting.get(id) ?? []) tell()
  })

  function count(podUid: string, by: 1 | -1): void {
    all += by
    const left = (ofPods.get(podUid) ?? 0) + by
    if (left === 0) ofPods.delete(podUid)
    else ofPods.set(podUid, left)
  }

  return {
    size: () => all,
    async wait(id, podUid, waitMs) {
      const isFull = all >= ALL_MAX || (ofPods.get(podUid) ?? 0) >= PER_POD_MAX
      if (waitMs <= 0 || isFull || store.get(id)?.phase !== 'Pending') return store.get(id)
      const { promise, resolve } = Promise.withResolvers<void>()
      const tellAll = waiting.get(id) ?? new Set()
      waiting.set(id, tellAll.add(resolve))
      count(podUid, 1)
      const timer = startTimer(clock, waitMs)
      try {
        await Promise.race([promise, timer.done])
      } finally {
        timer.cancel()
        tellAll.delete(resolve)
        if (tellAll.size === 0) waiting.delete(id)
        count(podUid, -1)
      }
      return store.get(id)
    },
  }
}
