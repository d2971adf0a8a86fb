import { Transform } from 'node:stream'
import { Fault } from '../../core/fault.ts'

/** What keeps bytes back for a while: a masker of text, or of frames with text. */
export interface HoldsBack {
  /** When `flush` is due, of the clock that `push` is given; undefined while nothing is kept back. */
  readonly dueMs: number | undefined
  push(chunk: Buffer, nowMs: number): Buffer
  flush(nowMs: number): Buffer
  end(): Buffer
}

/** Passes bytes through what keeps some back, which go on when they are due, so that a prompt appears. */
export function heldStream(held: HoldsBack): Transform {
  let timer: NodeJS.Timeout | undefined
  const stop = () => clearTimeout(timer)
  const wait = () => {
    stop()
    const { dueMs } = held
    if (dueMs === undefined) return
    timer = setTimeout(flush, Math.max(1, dueMs - performance.now()))
  }
  const flush = () => {
    const bytes = held.flush(performance.now())
    if (bytes.length > 0) stream.push(bytes)
    wait()
  }
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      attempt(() => held.push(chunk, performance.now()), done)
      wait()
    },
    flush(done) {
      stop()
      attempt(() => held.end(), done)
    },
    destroy(error, done) {
      stop()
      done(error)
    },
  })
  return stream
}

function attempt(work: () => Buffer, done: (error: Error | null, bytes?: Buffer) => void): void {
  let bytes: Buffer
  try {
    bytes = work()
  } catch (error) {
    // Converted: the stream tells it, and nothing passes any more.
    done(Fault.from(error))
    return
  }
  done(null, bytes)
}
