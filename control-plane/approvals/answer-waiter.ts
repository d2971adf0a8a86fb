import type { AccessRequest } from '../../core/approvals/access-request.ts'
import { type Clock, startTimer } from '../../platform/clock.ts'
import type { AccessRequestStore } from '../store/access-request-store.ts'

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

/** Looks at a request again whenever something changes, for as long as somebody waits for it. */
export function createAnswerWaiter(
  store: Pick<AccessRequestStore, 'get' | 'onChange'>,
  clock: Clock,
): AnswerWaiter {
  const waiting = new Map<string, Set<() => void>>()
  const ofPods = new Map<string, number>()
  let all = 0
  store.onChange(() => {
    for (const [id, tellAll] of waiting) {
      if (store.get(id)?.phase !== 'Pending') for (const tell of tellAll) tell()
    }
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
