import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export type FloodKind = 'questions' | 'refusals' | 'forgeries'

/** Whom to flood, as which pod. */
export interface FloodTarget {
  readonly place: string
  readonly caPem: string
  readonly session: string
  readonly podUid: string
}

/** How many were sent, and each kind of answer: `decision`, or a code. */
export interface FloodReport {
  readonly sent: number
  readonly outcomes: readonly string[]
}

/** A pod that brings all it can, from a thread of its own. */
export interface FloodingPod {
  readonly podUid: string
  /** Floods while `during` is pending, and resolves when all is answered. */
  flood(kind: FloodKind, during: Promise<unknown>): Promise<FloodReport>
  close(): Promise<unknown>
}

/** Starts the thread. */
export function startFloodingPod(target: FloodTarget): FloodingPod {
  const worker = new Worker(new URL('./flood-worker.ts', import.meta.url), { workerData: target })
  return {
    podUid: target.podUid,
    async flood(kind, during) {
      worker.postMessage(kind)
      const answered = once(worker, 'message')
      await during.finally(() => worker.postMessage('stop'))
      const [report] = (await answered) as [FloodReport]
      return report
    },
    close: () => worker.terminate(),
  }
}
