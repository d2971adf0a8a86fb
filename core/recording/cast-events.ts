import { CAST_CODES, type CastEvent, type CastHeader } from './asciicast.ts'
import { parseSize } from './parse-cast-event.ts'
import type { SessionEvent } from './session-event.ts'

/** Characters of one marker; a longer one becomes several. */
const MARKER_MAX = 16_384
const INT32_MAX = 2 ** 31 - 1

/** Turns the events of an asciicast into those of a session, in their order; nothing is left out. */
export class CastEvents {
  readonly #encoder = new TextEncoder()
  #isError = false

  /** What the header says of the terminal. */
  header({ columns, rows }: CastHeader): readonly SessionEvent[] {
    return columns > 0 && rows > 0 ? [{ kind: 'resize', atUs: 0, columns, rows }] : []
  }

  push(event: CastEvent): readonly SessionEvent[] {
    const { atUs, code, text } = event
    const isError = this.#isError
    this.#isError = code === CAST_CODES.errorOutput && text === ''
    if (this.#isError) return []
    const bytes = () => this.#encoder.encode(text)
    switch (code) {
      case CAST_CODES.output:
        return [{ kind: isError ? 'error_output' : 'output', atUs, bytes: bytes() }]
      case CAST_CODES.input:
        return [{ kind: 'input', atUs, bytes: bytes() }]
      case CAST_CODES.resize:
        return [{ kind: 'resize', atUs, ...parseSize(text) }]
      case CAST_CODES.exit:
        return exit(event)
      case CAST_CODES.marker:
        return markers(atUs, text)
      default:
        // Of another program.
        return markers(atUs, `${code}: ${text}`)
    }
  }
}

function exit({ atUs, text }: CastEvent): readonly SessionEvent[] {
  const code = Number(text)
  const isCode = text !== '' && Number.isInteger(code) && Math.abs(code) <= INT32_MAX
  return isCode ? [{ kind: 'exit', atUs, code, status: '' }] : markers(atUs, `exit ${text}`)
}

function markers(atUs: number, text: string): readonly SessionEvent[] {
  const pieces = Array.from({ length: Math.max(1, Math.ceil(text.length / MARKER_MAX)) })
  return pieces.map((_, index) => ({
    ...({ kind: 'marker', atUs } as const),
    text: text.slice(index * MARKER_MAX, (index + 1) * MARKER_MAX).toWellFormed(),
  }))
}
