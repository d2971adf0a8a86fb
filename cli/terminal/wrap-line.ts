/** Fits beside the labels in the 80 columns that every terminal has. */
const COLUMNS_MAX = 66
const CONTINUATION = '↳ '

/**
 * A line that strangers wrote, in pieces that no terminal of 80 columns breaks: a piece that the terminal broke itself
 * would begin at the left edge, where it could pass for a line of the program. Nothing is left out; each piece but the
 * first begins with `↳`.
 */
export function wrapLine(line: string): readonly string[] {
  const pieces: string[] = []
  let piece = ''
  let columns = 0
  for (const character of line) {
    // What is not ASCII may be two columns wide.
    const width = character <= '\x7f' ? 1 : 2
    if (columns + width > COLUMNS_MAX) {
      pieces.push(piece)
      piece = CONTINUATION
      columns = CONTINUATION.length + 1
    }
    piece += character
    columns += width
  }
  return [...pieces, piece]
}
