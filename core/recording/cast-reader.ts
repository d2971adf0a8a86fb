import { Fault } from '../fault.ts'
import type { CastEvent, CastHeader, CastVersion } from './asciicast.ts'
import { parseCastEvent } from './parse-cast-event.ts'
import { parseCastHeader } from './parse-cast-header.ts'

/** A recorder writes what one read of a terminal brought, so lines are short; a hostile file's are not. */
export const CAST_LINE_BYTES_MAX = 8 * 1_024 * 1_024

const NEWLINE = 0x0a

/**
 * Reads an asciicast file of version 2 or 3 piece by piece; pieces may end anywhere. Throws
 * `request_invalid` with the number of the line for whatever is not as the format says.
 */
export class CastReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #pieces: Uint8Array[] = []
  #bytes = 0
  #lines = 0
  #header: ReturnType<typeof parseCastHeader> | undefined
  #lastUs = 0

  /** Undefined until the first line was read. */
  get header(): CastHeader | undefined {
    return this.#header?.header
  }

  /** Undefined until the first line was read. */
  get version(): CastVersion | undefined {
    return this.#header?.version
  }

  /** All that the first line holds; empty until it was read. */
  get headerFields(): Readonly<Record<string, unknown>> {
    return this.#header?.fields ?? {}
  }

  /** Of the line that was read last; the header's is 1. */
  get line(): number {
    return this.#lines
  }

  /** The events whose lines end in this piece. */
  push(piece: Uint8Array): readonly CastEvent[] {
    const events: CastEvent[] = []
    let from = 0
    for (;;) {
      const to = piece.indexOf(NEWLINE, from)
      if (to < 0) break
      this.#keep(piece.subarray(from, to))
      this.#endLine(events)
      from = to + 1
    }
    this.#keep(piece.subarray(from))
    return events
  }

  /** The event of a last line that has no end. Throws for a file that holds no header. */
  end(): readonly CastEvent[] {
    const events: CastEvent[] = []
    if (this.#bytes > 0) this.#endLine(events)
    if (this.#header === undefined) throw this.#fault('the file is empty')
    return events
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return
    this.#bytes += part.length
    if (this.#bytes > CAST_LINE_BYTES_MAX) {
      this.#lines += 1
      throw this.#fault(`the line is longer than ${CAST_LINE_BYTES_MAX} bytes`)
    }
    // A copy, which `slice` of a Buffer is not: a reader of files may use its buffer again.
    this.#pieces.push(new Uint8Array(part))
  }

  #endLine(events: CastEvent[]): void {
    this.#lines += 1
    const line = this.#takeLine()
    if (this.#header === undefined) {
      this.#header = this.#located(() => parseCastHeader(line))
      return
    }
    if (line === '' || line === '\r') return
    if (this.#header.version === 3 && line.startsWith('#')) return
    const { version } = this.#header
    const event = this.#located(() => parseCastEvent(line, version, this.#lastUs))
    this.#lastUs = event.atUs
    events.push(event)
  }

  #takeLine(): string {
    const bytes = new Uint8Array(this.#bytes)
    let at = 0
    for (const piece of this.#pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    this.#pieces = []
    this.#bytes = 0
    try {
      return this.#decoder.decode(bytes)
    } catch {
      // Converted: the decoder says no more than this.
      throw this.#fault('the line is not UTF-8')
    }
  }

  #located<Value>(parse: () => Value): Value {
    try {
      return parse()
    } catch (error) {
      throw this.#fault(Fault.from(error).message)
    }
  }

  #fault(why: string): Fault {
    return new Fault('request_invalid', `Line ${Math.max(1, this.#lines)}: ${why}`)
  }
}
