import { readFileSync } from 'node:fs'

/**
 * Tells when the process comes close to its memory limit, past which the kernel kills it: a restart
 * breaks every watch of the pod, a refused request breaks one.
 */
export interface MemoryGuard {
  /** Whether little is left; asked for at each request, measured now and then. */
  isTight(): boolean
}

export interface MemoryGuardOptions {
  /** What the process may have; 0 means that nobody says so. */
  readonly limitBytes: number
  /** What it has now. */
  readonly readBytes: () => number
  readonly nowMs: () => number
}

const IDLE_BYTES = 48 * 1024 * 1024
/** An open watch in a burst of events, as measured: docs/operations.md. */
const OPEN_BYTES = 400 * 1024
const FIT_MIN = 32

/** How many requests may be open so that a burst of answers to all of them keeps within the limit. */
export function requestsThatFit(limitBytes: number): number {
  if (limitBytes === 0) return Number.POSITIVE_INFINITY
  return Math.max(FIT_MIN, Math.floor((limitBytes - IDLE_BYTES) / OPEN_BYTES))
}

/** What is left then takes what comes before the next measurement, and answers that are under way. */
const TIGHT_SHARE = 0.8
/** Measuring takes some microseconds. In this time some hundred requests may come. */
const EVERY_MS = 50

/** Measures at most once in 50 ms. Without a limit it is never tight. */
export function createMemoryGuard(options: MemoryGuardOptions): MemoryGuard {
  const { limitBytes, readBytes, nowMs } = options
  let measuredMs = Number.NEGATIVE_INFINITY
  let tight = false
  return {
    isTight: () => {
      if (limitBytes === 0) return false
      if (nowMs() - measuredMs < EVERY_MS) return tight
      measuredMs = nowMs()
      tight = readBytes() > limitBytes * TIGHT_SHARE
      return tight
    },
  }
}

const PAGE_BYTES = 4096
/** A limit above this is none: control groups without one say a very large number. */
const LIMIT_BYTES_MAX = 2 ** 46

/** The limit of the process's control group, in bytes; 0 when it has none. */
export function memoryLimitBytes(): number {
  const limit = process.constrainedMemory()
  return limit > 0 && limit < LIMIT_BYTES_MAX ? limit : 0
}

/**
 * Memory that is the process's alone, in bytes. Pages of files are left out: the kernel takes those
 * back. Source: proc_pid_statm(5); 0 where there is no such file.
 */
export function privateBytes(): number {
  try {
    const [, resident = 0, shared = 0] = readFileSync('/proc/self/statm', 'utf8')
      .split(' ')
      .map(Number)
    return (resident - shared) * PAGE_BYTES
  } catch {
    // Not Linux: no control group either.
    return 0
  }
}
