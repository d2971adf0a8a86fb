import type { IncomingMessage } from 'node:http'

/** As long a head as Go's server takes. Source: net/http, DefaultMaxHeaderBytes and its slack. */
export const HEAD_BYTES_MAX = 1024 * 1024 + 4096

/** Heads of usual requests, which are not counted: the limit of open requests bounds them. */
const USUAL_BYTES = 16 * 1024

/** Bounds what the long heads of all open requests take. */
export class HeadBudget {
  readonly #bytesMax: number
  #bytes = 0

  /** `bytesMax`: what the long ones may have together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Takes a request in; false when there is no room. `once` is told to give the room back. */
  take(incoming: IncomingMessage, once: (release: () => void) => void): boolean {
    const bytes = headBytes(incoming)
    if (bytes <= USUAL_BYTES) return true
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    once(() => {
      this.#bytes -= bytes
    })
    return true
  }
}

function headBytes({ url = '', rawHeaders }: IncomingMessage): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, url.length)
}
