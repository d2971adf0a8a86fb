import { Transform } from 'node:stream'
import type { TextMasker } from '../../core/masking/credentials/text-masker.ts'

/**
 * Hides credentials in text as it comes. A line that has no end goes on when the masker says that it is due, so that a
 * prompt appears.
 */
export function maskTextStream(masker: TextMasker): Transform {
  let timer: NodeJS.Timeout | undefined
  const stop = () => clearTimeout(timer)
  const wait = () => {
    stop()
    const { dueMs } = masker
    if (dueMs === undefined) return
    timer = setTimeout(
      () => {
        const bytes = masker.flush(performance.now())
        if (bytes.length > 0) stream.push(bytes)
        wait()
      },
      Math.max(1, dueMs - performance.now()),
    )
  }
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = masker.push(chunk, performance.now())
      wait()
      done(null, bytes)
    },
    flush(done) {
      stop()
      done(null, masker.end())
    },
    destroy(error, done) {
      stop()
      done(error)
    },
  })
  return stream
}
