import type { Duplex } from 'node:stream'
import type { Permit } from '../judgement/authorize.ts'
import { withoutHeaders } from '../wire/header-pairs.ts'

/**
 * The one seam through which every byte of an exchange goes: bodies, and both ways of a tunnel. A
 * filter may look at bytes, change them or hold them back; what it does not write, nobody gets. Bytes
 * come in order and with back-pressure, so that a filter that writes to a disk slows the exchange down
 * instead of filling the memory. A filter that fails ends the exchange: nothing passes around it.
 *
 * A new pair is made for each exchange. Content that is compressed is filtered as it is: whoever must
 * read it asks the API server for another form.
 *
 * @example
 * const openFilter: OpenBodyFilter = () => ({
 *   request: new PassThrough(),
 *   response: new Transform({
 *     transform: (chunk, _encoding, done) => done(null, chunk.toString().toUpperCase()),
 *   }),
 *   changesLength: false,
 * })
 */
export interface BodyFilter {
  /** From the caller to the API server. */
  readonly request: Duplex
  /** From the API server to the caller. */
  readonly response: Duplex
  /** Whether the answer may get another length, so that what the API server says of it is not passed on. */
  readonly changesLength: boolean
}

/** Makes the filter of one exchange; undefined when its bytes pass as they are, at no cost. */
export type OpenBodyFilter = (permit: Permit) => BodyFilter | undefined

/** Stages through which bytes go one after the other: where they go in, and where they come out. */
export interface Through {
  readonly head: Duplex
  readonly tail: Duplex
}

/** Joins stages in their order; undefined when there are none. `onError` is told when one of them fails. */
export function throughAll(
  stages: readonly (Duplex | undefined)[],
  onError: (error: Error) => void,
): Through | undefined {
  const all = stages.filter((stage) => stage !== undefined)
  const [head] = all
  const tail = all.at(-1)
  if (head === undefined || tail === undefined) return undefined
  for (const [at, stage] of all.entries()) {
    stage.once('error', onError)
    const next = all[at + 1]
    if (next !== undefined) stage.pipe(next)
  }
  return { head, tail }
}

/** Headers of an answer, names and values in turn, without the length where the filter may change it. */
export function answerHeaders(
  headers: readonly string[],
  filter: BodyFilter | undefined,
): readonly string[] {
  return filter?.changesLength === true ? withoutHeaders(headers, 'content-length') : headers
}
