import { Transform, type TransformCallback } from 'node:stream'
import { Fault } from '../../core/fault.ts'

/**
 * Passes a request body on and stops one that grows past its limit. It also stands between the
 * caller's connection and the HTTP client, which destroys the stream that it was given.
 */
export class BodyMeter extends Transform {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    super()
    this.#bytesMax = bytesMax
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#bytesMax) {
      callback(
        new Fault('request_too_large', `A request body may have at most ${this.#bytesMax} bytes`),
      )
    } else callback(null, chunk)
  }
}
