import { CAST_CODES, type CastEvent, type CastVersion } from './asciicast.ts'
import { CastReader } from './cast-reader.ts'
import { CastWriter } from './cast-writer.ts'

/**
 * Turns an asciicast of version 2 or 3 into one of the given version, piece by piece. Comments go, and in
 * version 2 the exit is a marker. Throws `request_invalid` for what is no asciicast.
 */
export class CastConverter {
  readonly #reader = new CastReader()
  readonly #writer: CastWriter
  readonly #version: CastVersion
  #begun = false

  constructor(version: CastVersion) {
    this.#version = version
    this.#writer = new CastWriter(version)
  }

  /** The lines of what ends in this piece. */
  push(piece: Uint8Array): string {
    return this.#lines(this.#reader.push(piece))
  }

  /** The last lines. */
  end(): string {
    return this.#lines(this.#reader.end())
  }

  #lines(events: readonly CastEvent[]): string {
    const { header } = this.#reader
    if (header === undefined) return ''
    const first = this.#begun ? '' : this.#writer.header(header)
    this.#begun = true
    return first + events.map((event) => this.#writer.event(this.#fit(event))).join('')
  }

  #fit(event: CastEvent): CastEvent {
    if (this.#version === 3 || event.code !== CAST_CODES.exit) return event
    return { ...event, code: CAST_CODES.marker, text: `exit ${event.text}` }
  }
}
