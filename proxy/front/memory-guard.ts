import { RESERVED_SHARE, SOCKET_BYTES } from './memory-budget.ts'

/**
 * Tells when the process comes close to its memory limit, past which the kernel ends it: a restart
 * breaks every watch of the pod, a refused request breaks one.
 */
export interface MemoryGuard {
  /**
   * Whether little is left; asked for at each request and each piece of an answer, which has so many bytes.
   * Measured now and then.
   */
  isTight(bytes?: number): boolean
  /** Calls `go` immediately, or, when next to nothing is left, once there is more: in the order of asking. */
  whenRoomy(go: () => void): void
  /** So many requests are open: the kernel keeps what comes for each until it is read. */
  setOpen(count: number): void
}

export interface MemoryGuardOptions {
  /** Memory limit of the process, in bytes; 0 when there is none. */
  readonly limitBytes: number
  /** What it has now. */
  readonly readBytes: () => number
  /** Whether buffers of sockets count against the limit. */
  readonly socketsCount: boolean
  /** Collects garbage: what is young, which takes about a millisecond, or all. */
  readonly collect: (type: 'minor' | 'major') => void
  readonly nowMs: () => number
}

/** Of what may be used, the share past which memory is short, before nothing more is read. */
const TIGHT_SHARE = 0.9
/** Measuring takes some microseconds. In this time some hundred requests may come. */
const EVERY_MS = 50
/**
 * The same in bytes of answers, which may come faster. After so many their buffers are collected too: V8 waits
 * until objects fill its space, of which a buffer takes next to nothing, and collects everything then, since
 * buffers of tens of megabytes have grown old meanwhile. Of a list of 59 MB that was a third of the CPU.
 */
const EVERY_BYTES = 2 * 1_024 * 1_024
/** All garbage: tens of milliseconds, in which nothing else is done. */
const MAJOR_EVERY_MS = 2_000
/** Answers that go on for a piece each when memory is full and has not grown: what they bring, callers take. */
const PIECES = 16
/** What comes and goes by itself is no growth. */
const NOISE_SHARE = 0.005
/** Should memory never be given back, answers go on slowly rather than not at all. */
const ONE_EVERY_MS = 1_000

/**
 * Measures at most once in 50 ms, or in 2 MiB, and collects what is young after each 2 MiB. Without a limit it is
 * never tight.
 */
export class LimitGuard implements MemoryGuard {
  readonly #options: MemoryGuardOptions
  readonly #waiting: (() => void)[] = []
  #open = 0
  #bytes = 0
  #bytesSince = 0
  /** What there was when answers began to wait. */
  #ceiling = 0
  #measuredMs = Number.NEGATIVE_INFINITY
  #majorMs = Number.NEGATIVE_INFINITY
  #oneMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(options: MemoryGuardOptions) {
    this.#options = options
  }

  setOpen(count: number): void {
    this.#open = count
  }

  isTight(bytes = 0): boolean {
    this.#bytesSince += bytes
    const { limitBytes, nowMs, collect } = this.#options
    const isMuch = this.#bytesSince >= EVERY_BYTES
    if (isMuch) {
      this.#bytesSince = 0
      collect('minor')
    }
    if (limitBytes === 0) return false
    if (isMuch || nowMs() - this.#measuredMs >= EVERY_MS) this.#measure()
    return this.#bytes > this.#usable() * TIGHT_SHARE
  }

  whenRoomy(go: () => void): void {
    if (this.#waiting.length === 0) {
      if (!this.#isFull()) {
        go()
        return
      }
      this.#ceiling = this.#bytes
    }
    this.#waiting.push(go)
    this.#timer ??= setInterval(() => this.#letOn(), EVERY_MS).unref()
  }

  /** What may be used: the kernel goes on taking in answers that are not read. */
  #usable(): number {
    const { limitBytes, socketsCount } = this.#options
    const ofSockets = socketsCount ? this.#open * SOCKET_BYTES : 0
    return limitBytes - Math.max(limitBytes * RESERVED_SHARE, ofSockets)
  }

  #isFull(): boolean {
    return this.isTight() && this.#bytes > this.#usable()
  }

  #letOn(): void {
    let pieces = this.#piecesNow()
    for (; pieces > 0 && this.#waiting.length > 0; pieces -= 1) this.#waiting.shift()?.()
    if (this.#waiting.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #piecesNow(): number {
    if (!this.#isFull()) return this.#waiting.length
    const slack = this.#options.limitBytes * NOISE_SHARE
    if (this.#bytes <= this.#ceiling + slack) return PIECES
    const nowMs = this.#options.nowMs()
    if (nowMs - this.#oneMs < ONE_EVERY_MS) return 0
    this.#oneMs = nowMs
    return 1
  }

  /** Buffers that nobody uses any more are garbage: V8 lets tens of megabytes of them pile up. */
  #measure(): void {
    const { readBytes, collect, nowMs } = this.#options
    const mark = this.#usable() * TIGHT_SHARE
    this.#bytes = readBytes()
    if (this.#bytes > mark) {
      collect('minor')
      this.#bytes = readBytes()
    }
    if (this.#bytes > mark && nowMs() - this.#majorMs >= MAJOR_EVERY_MS) {
      collect('major')
      this.#majorMs = nowMs()
      this.#bytes = readBytes()
    }
    this.#measuredMs = nowMs()
  }
}
