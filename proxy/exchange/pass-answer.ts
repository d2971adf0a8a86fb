import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { linger } from '../answer/linger.ts'
import type { BodyFilter } from './body-filter.ts'

const NOTHING = Buffer.alloc(0)

/** An answer to a request that came as an upgrade, so that the server has no `ServerResponse` for it. */
export interface PassedAnswer {
  readonly incoming: IncomingMessage
  readonly caller: Duplex
  readonly response: IncomingMessage
  /** Names and values in turn, for the caller. */
  readonly headers: readonly string[]
  /** What was read of the body already. */
  readonly first: Buffer
  readonly filter: BodyFilter | undefined
}

/**
 * Streams an ordinary answer to the caller, whose connection ends after it. Says at the end whether the
 * whole of it came; a part is cut, since a short answer would pass for a whole one.
 */
export function passAnswer(answer: PassedAnswer, onEnd: (whole: boolean) => void): void {
  const { incoming, caller, response, headers, first, filter } = answer
  const outgoing = new ServerResponse(incoming)
  outgoing.shouldKeepAlive = false
  outgoing.assignSocket(caller as Socket)
  // The server let go of the connection when it became an upgrade, and with it of this.
  caller.on('drain', () => outgoing.emit('drain'))
  // Frames that the caller sent ahead are for nobody, and its end must be seen.
  caller.resume()
  outgoing.writeHead(response.statusCode ?? 502, [...headers])
  // As bytes: Node would write a head without any as UTF-8, and header values are Latin-1.
  outgoing.write(NOTHING)
  filter?.response.pipe(outgoing)
  const sink = filter?.response ?? outgoing
  if (first.length > 0) sink.write(first)
  if (response.readableEnded) sink.end()
  else {
    response.pipe(sink)
    response.once('close', () => {
      if (response.complete) return
      onEnd(false)
      caller.destroy()
    })
  }
  outgoing.once('finish', () => {
    onEnd(true)
    outgoing.detachSocket(caller as Socket)
    caller.end()
    linger(caller)
  })
}
