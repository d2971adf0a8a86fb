import type { Duplex } from 'node:stream'
import type { BodySink } from './caller-request.ts'

/*
 * A connection that is closed while bytes of the caller are unread is reset, and a reset can destroy
 * an answer that the caller has not read yet. So whatever still comes is read and forgotten for a
 * while, and never for longer: nobody may hold a connection by sending on, or by not reading.
 */

const LINGER_MS = 2_000
const CUT_MS = 5_000

/**
 * Sees a connection off whose writable side has been ended: discards what comes, and destroys it
 * soon after all was sent, or after some seconds whether it was or not.
 */
export function linger(socket: Duplex): void {
  socket.resume()
  let timer = setTimeout(() => socket.destroy(), CUT_MS)
  function sent(): void {
    clearTimeout(timer)
    timer = setTimeout(() => socket.destroy(), LINGER_MS)
  }
  if (socket.writableFinished) sent()
  else socket.once('finish', sent)
  socket.once('close', () => clearTimeout(timer))
}

/** More than the 3 MiB that the API server takes: clients that write all of a body before they read. */
const DISCARDED_BYTES_MAX = 4 * 1_024 * 1_024
const DISCARD_MS = 1_000

/** Reads a body that nobody wants; calls `end`, which may come again, when it is over or was long enough. */
export function discardWithin(end: () => void): BodySink {
  let bytes = 0
  const timer = setTimeout(end, DISCARD_MS)
  const finish = () => {
    clearTimeout(timer)
    end()
  }
  return {
    onData: (chunk) => {
      bytes += chunk.length
      if (bytes > DISCARDED_BYTES_MAX) finish()
    },
    onEnd: finish,
    onLost: finish,
  }
}
