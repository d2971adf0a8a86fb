import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { CallerAnswer } from '../caller/caller-answer.ts'
import type { Through } from './body-filter.ts'

/** An ordinary answer of the API server to a request for an upgrade. */
export interface PassedAnswer {
  readonly answer: CallerAnswer
  readonly response: IncomingMessage
  /** Names and values in turn, for the caller. */
  readonly headers: readonly string[]
  /** What was read of the body already. */
  readonly first: Buffer
  /** What the body goes through. */
  readonly through: Through | undefined
}

/**
 * Streams an ordinary answer to the caller. Says at the end whether the whole of it came; a part is
 * cut, since a short answer would pass for a whole one.
 */
export function passAnswer(passed: PassedAnswer, onEnd: (whole: boolean) => void): void {
  const { answer, response, headers, first, through } = passed
  answer.begin(response.statusCode ?? 502, headers, true)
  const end = () => {
    onEnd(true)
    answer.end()
  }
  if (through === undefined) {
    if (first.length > 0) answer.write(first)
    if (response.readableEnded) end()
    else pour(response, answer).once('end', end)
  } else {
    pour(through.tail, answer).once('end', end)
    if (first.length > 0) through.head.write(first)
    if (response.readableEnded) through.head.end()
    else response.pipe(through.head)
  }
  response.once('close', () => {
    if (response.complete) return
    onEnd(false)
    answer.destroy()
  })
}

/** Writes what a stream gives into an answer, as fast as the caller takes it; ends nothing. */
export function pour(from: Readable, answer: CallerAnswer): Readable {
  return from.on('data', (chunk: Buffer) => {
    if (answer.write(chunk)) return
    from.pause()
    answer.onceDrained(() => from.resume())
  })
}
