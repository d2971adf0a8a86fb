import type { Duplex } from 'node:stream'
import type { CallerAnswer } from './caller-answer.ts'
import type { CallerRequest } from './caller-request.ts'

/** The connection of a request that is being served. */
export interface ServedConnection {
  readonly socket: Duplex
  /**
   * Gives the connection away, after a 101: nothing is read or written by its owner any more. The answer
   * is closed only when the connection is.
   */
  takeOver(): TakenOver
}

/** What the owner of connections does with what comes. */
export interface CallerHandler {
  /** A request whose head has come. */
  onRequest(request: CallerRequest, answer: CallerAnswer, connection: ServedConnection): void
  /** Whether a request may become a tunnel, of which each side ends by itself. */
  asksForTunnel(request: CallerRequest): boolean
  /**
   * What came is no request, or not in time; `answer` is that of the request whose body it is, or one for
   * what is not even a head. The connection ends when it was answered.
   */
  onMalformed(problem: Problem, answer: CallerAnswer): void
  /** Whether connections may be kept after an answer. */
  mayStay(): boolean
}

/** Why a connection cannot be read on. */
export type Problem = 'malformed' | 'head too long' | 'late'

export interface CallerLimits {
  readonly headBytesMax: number
  /** For the whole head, from its first byte. */
  readonly headMs: number
  /** For the whole of a request, body included. */
  readonly requestMs: number
  /** Between two requests, and before the first. */
  readonly idleMs: number
}

/** What a tunnel gets: the connection, and what was read of it already. */
export interface TakenOver {
  readonly socket: Duplex
  readonly first: Buffer
}
