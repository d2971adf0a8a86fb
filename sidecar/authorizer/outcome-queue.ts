import type { OutcomeReport } from '../../proxy/judgement/authorizer.ts'

/**
 * How long an outcome that was written may still be on its way. The stream says nothing when one
 * arrives, so after a break the young ones are sent again; the control plane keeps the first.
 */
const UNCONFIRMED_MS = 10_000

/**
 * How long an outcome may wait for others: one write to the connection for all costs less than one
 * for each. They do not travel with a question: HTTP/2 would send what was written first by itself,
 * and the question a turn of the event loop later.
 */
const BATCH_MS = 10

interface Sent {
  readonly outcome: OutcomeReport
  readonly atMs: number
}

/** Keeps what became of requests until the control plane can have heard of it. */
export interface OutcomeQueue {
  /** Sends it soon, or keeps it for the next connection. */
  add(outcome: OutcomeReport): void
  /** Sends now what waits to be sent soon. */
  flush(): void
  /** A connection is there: sends what was kept. */
  connect(send: (outcome: OutcomeReport) => void): void
  /** The connection is gone; what may have been lost with it is kept again. */
  disconnect(): void
  /** True when no more can be kept, so that no more requests may be let through. */
  isFull(): boolean
  readonly size: number
}

/** `max` bounds what is kept while there is no connection; each outcome takes about 200 bytes. */
export function createOutcomeQueue(options: {
  readonly max: number
  readonly nowMs: () => number
}): OutcomeQueue {
  const { max, nowMs } = options
  let kept: OutcomeReport[] = []
  let sent: Sent[] = []
  let send: ((outcome: OutcomeReport) => void) | undefined
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (send === undefined || kept.length === 0) return
    const atMs = nowMs()
    for (const outcome of kept) {
      sent.push({ outcome, atMs })
      send(outcome)
    }
    kept = []
    // Cut by half at a time, so that forgetting costs nothing on average.
    if (sent.length >= 2 * max) sent = sent.slice(-max)
  }

  return {
    add: (outcome) => {
      kept.push(outcome)
      if (send === undefined) return
      timer ??= setTimeout(flush, BATCH_MS)
    },
    flush,
    connect: (to) => {
      send = to
      flush()
    },
    disconnect: () => {
      send = undefined
      const sinceMs = nowMs() - UNCONFIRMED_MS
      kept = [...sent.filter(({ atMs }) => atMs > sinceMs).map(({ outcome }) => outcome), ...kept]
      sent = []
    },
    isFull: () => kept.length >= max,
    get size() {
      return kept.length
    },
  }
}
