import { once } from 'node:events'
import type { ClientRequest } from 'node:http'

/** A body that is sent piece by piece. */
export class Upload {
  readonly pieces: AsyncIterable<Uint8Array>
  readonly type: string

  constructor(pieces: AsyncIterable<Uint8Array>, type: string) {
    this.pieces = pieces
    this.type = type
  }
}

/**
 * Sends the pieces as fast as the server takes them. Throws what the pieces throw; that the server takes no more is told by its answer.
 */
export async function sendPieces(
  outgoing: ClientRequest,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  const answered = new Promise<void>((resolve) => {
    for (const name of ['response', 'close', 'error']) outgoing.once(name, () => resolve())
  })
  let isOver = false
  void answered.then(() => {
    isOver = true
  })
  try {
    for await (const piece of pieces) {
      if (isOver) return
      if (outgoing.write(piece)) continue
      await Promise.race([once(outgoing, 'drain').catch(() => undefined), answered])
    }
  } catch (error) {
    outgoing.destroy()
    throw error
  }
  outgoing.end()
}
