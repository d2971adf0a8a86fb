import { EscapeNeutraliser } from './neutralise-escapes.ts'
import { NO_SEQUENCES } from './safe-sequences.ts'

/** A longer line is cut into several, so that output without an end of line needs no more memory. */
const LINE_MAX = 16 * 1_024

/**
 * The lines that terminal output shows, for a search: without sequences and controls, and with a backspace
 * taking back the character before it. What an application draws by moving the cursor comes in the order in
 * which it was drawn. Pieces may end anywhere.
 */
export class PlainLines {
  readonly #neutraliser = new EscapeNeutraliser(NO_SEQUENCES)
  #line = ''

  /** The lines that end in this piece. */
  push(piece: string): readonly string[] {
    const lines: string[] = []
    for (const character of this.#neutraliser.push(piece)) {
      if (character === '\b') this.#line = this.#line.slice(0, -1)
      else if (/[\n\v\f\r]/.test(character)) this.#end(lines)
      else if (character === '\t' || character >= ' ') this.#add(character, lines)
    }
    return lines
  }

  /** The last line, which has no end yet; empty when there is none. */
  end(): string {
    const line = this.#line
    this.#line = ''
    return line
  }

  #add(character: string, lines: string[]): void {
    this.#line += character
    if (this.#line.length >= LINE_MAX) this.#end(lines)
  }

  #end(lines: string[]): void {
    if (this.#line !== '') lines.push(this.#line)
    this.#line = ''
  }
}
