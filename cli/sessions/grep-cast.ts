import { CAST_CODES, type CastEvent } from '../../core/recording/asciicast.ts'
import { CastReader } from '../../core/recording/cast-reader.ts'
import { PlainLines } from '../../core/recording/plain-lines.ts'

export interface FoundLine {
  /** Of the end of the line, in microseconds since the session began. */
  readonly atUs: number
  readonly stream: 'output' | 'error output' | 'input' | 'marker'
  readonly line: string
}

/**
 * The lines of an asciicast that match: output, error output, input and markers, each by itself, so that a
 * word is found although another stream wrote in between. Throws `request_invalid` for a bad file.
 */
export async function* grepCast(
  chunks: AsyncIterable<Uint8Array>,
  matches: (line: string) => boolean,
): AsyncGenerator<FoundLine, void> {
  const reader = new CastReader()
  const lines = new CastLines()
  for await (const chunk of chunks) {
    for (const event of reader.push(chunk)) yield* lines.of(event).filter(isFound)
  }
  // A live session may have written nothing yet.
  const last = reader.header === undefined ? [] : reader.end()
  for (const event of last) yield* lines.of(event).filter(isFound)
  yield* lines.rest().filter(isFound)

  function isFound({ line }: FoundLine): boolean {
    return matches(line)
  }
}

class CastLines {
  readonly #streams = {
    output: new PlainLines(),
    'error output': new PlainLines(),
    input: new PlainLines(),
  }
  #errorOutputNext = false
  #lastUs = 0

  of({ atUs, code, text }: CastEvent): readonly FoundLine[] {
    this.#lastUs = atUs
    const isError = this.#errorOutputNext
    this.#errorOutputNext = code === CAST_CODES.errorOutput
    switch (code) {
      case CAST_CODES.output:
        return this.#push(isError ? 'error output' : 'output', text)
      case CAST_CODES.input:
        return this.#push('input', text)
      case CAST_CODES.marker:
        return [{ atUs, stream: 'marker', line: text }]
      default:
        return []
    }
  }

  /** Lines that have no end. */
  rest(): readonly FoundLine[] {
    const kinds = ['output', 'error output', 'input'] as const
    return kinds.map((stream) => ({
      atUs: this.#lastUs,
      stream,
      line: this.#streams[stream].end(),
    }))
  }

  #push(stream: 'output' | 'error output' | 'input', text: string): readonly FoundLine[] {
    const atUs = this.#lastUs
    return this.#streams[stream].push(text).map((line) => ({ atUs, stream, line }))
  }
}
