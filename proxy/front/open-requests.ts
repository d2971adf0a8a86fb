import type { CallerAnswer } from '../caller/caller-answer.ts'
import type { ProxyDeps } from '../deps.ts'

/** Requests that are served though memory is short: it may never be given back, and they need little. */
const OPEN_WHEN_TIGHT = 32

/** What tells one connection from another, under TLS and above it. */
interface ConnectionEnds {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** The requests that are being served: how many, on which connections, and when there are none left. */
export class OpenRequests {
  readonly #deps: Pick<ProxyDeps, 'memory' | 'metrics' | 'openRequestsMax'>
  readonly #byConnection = new Map<string, number>()
  #open = 0
  #onDrained: (() => void) | undefined

  constructor(deps: Pick<ProxyDeps, 'memory' | 'metrics' | 'openRequestsMax'>) {
    this.#deps = deps
  }

  /** Whether no other one may be served now. */
  isFull(): boolean {
    const { openRequestsMax, memory } = this.#deps
    return this.#open >= openRequestsMax || (this.#open >= OPEN_WHEN_TIGHT && memory.isTight())
  }

  isBusy(connection: ConnectionEnds): boolean {
    return this.#byConnection.has(keyOf(connection))
  }

  /** Counts one until `answer` closes. */
  add(connection: ConnectionEnds, answer: Pick<CallerAnswer, 'onClose'>): void {
    const key = keyOf(connection)
    this.#byConnection.set(key, (this.#byConnection.get(key) ?? 0) + 1)
    this.#change(1)
    answer.onClose(() => {
      const left = (this.#byConnection.get(key) ?? 1) - 1
      if (left === 0) this.#byConnection.delete(key)
      else this.#byConnection.set(key, left)
      this.#change(-1)
      // After the other listeners of the same event, which report.
      if (this.#open === 0) setImmediate(() => this.#onDrained?.())
    })
  }

  /** Resolves when every one has been reported. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve
      if (this.#open === 0) setImmediate(resolve)
    })
  }

  #change(by: number): void {
    this.#open += by
    this.#deps.metrics.openRequests.set(this.#open)
    this.#deps.memory.setOpen(this.#open)
  }
}

function keyOf({ remoteAddress = '', remotePort = 0 }: ConnectionEnds): string {
  return `${remotePort} ${remoteAddress}`
}
