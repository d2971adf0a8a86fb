import type { RequestHead } from '../wire/request-head.ts'

/** As long a head as Go's server takes. Source: net/http, DefaultMaxHeaderBytes and its slack. */
export const HEAD_BYTES_MAX = 1024 * 1024 + 4096

/** Heads of usual requests, which are not counted: the limit of open requests bounds them. */
const USUAL_BYTES = 16 * 1024

type LongOne = Pick<RequestHead, 'target' | 'rawHeaders'>

/** Bounds what the long heads of all open requests take. */
export class HeadBudget {
  readonly #bytesMax: number
  #bytes = 0

  /** `bytesMax`: what the long ones may have together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Takes a request in; false when there is no room. `once` is told to give the room back. */
  take(request: LongOne, once: (release: () => void) => void): boolean {
    const bytes = headBytes(request)
    if (bytes <= USUAL_BYTES) return true
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    once(() => {
      this.#bytes -= bytes
    })
    return true
  }
}

function headBytes({ target, rawHeaders }: LongOne): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, target.length)
}
