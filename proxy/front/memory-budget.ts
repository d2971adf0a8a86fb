import { HEAD_BYTES_MAX } from './head-budget.ts'

/*
 * What a sidecar takes on follows from its memory limit, so that no limit is one under which the kernel
 * ends it: a restart breaks every watch of the pod, a refused request breaks one. The figures were measured,
 * see docs/operations.md.
 */

const MEBIBYTE = 1_024 * 1_024

/** Of the limit this is kept free at least, for what comes between two measurements. */
export const RESERVED_SHARE = 0.1

/** The process itself with a heap in use, some idle connections, and what refusals take. */
const OWN_BYTES = 64 * MEBIBYTE
/** An open watch on which events of 100 KB have come: mostly buffers of two TLS connections, which stay. */
const OPEN_BYTES = 400 * 1_024
/** What the kernel holds besides of an answer that is not read, on the connection to the API server. */
export const SOCKET_BYTES = 384 * 1_024
/** Requests that a sidecar takes on however little it has: with fewer few programs work. */
const FIT_MIN = 32

/** How many requests may be open so that a burst of answers to all of them keeps within the limit. */
export function requestsThatFit(limitBytes: number): number {
  if (limitBytes === 0) return Number.POSITIVE_INFINITY
  const room = limitBytes - OWN_BYTES
  return Math.max(FIT_MIN, Math.floor(room / (OPEN_BYTES + SOCKET_BYTES)))
}

/**
 * Connections beside those with a request, each about 60 kB: clients keep some, and open some ahead. With the
 * fewest requests that a sidecar takes on it has 512, so that 500 programs at the same time are each told yes or no.
 */
export const IDLE_CONNECTIONS_MAX = 480

/**
 * Long heads together: each is held several times while it is read, judged and written again. Eight of the
 * longest, or sixty commands of 128 KiB, and fewer where memory is small; one of the longest always.
 */
export function longHeadBytesThatFit(limitBytes: number): number {
  const most = 8 * HEAD_BYTES_MAX
  if (limitBytes === 0) return most
  return Math.min(most, Math.max(HEAD_BYTES_MAX, Math.floor(limitBytes / 48)))
}
