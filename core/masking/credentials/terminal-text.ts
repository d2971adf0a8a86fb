/* What a terminal shows of what is written to it. Source: ECMA-48, sections 5.4 and 5.6; XTerm Control Sequences. */

const SEQUENCES = new RegExp(
  [
    '\\x1b\\[[0-?]{0,64}[ -/]{0,8}[@-~]',
    '\\x1b[\\]PX^_][^\\x07\\x1b\\n]{0,4096}(?:\\x07|\\x1b\\\\)',
    '\\x1b[ -/]{1,3}[0-~]',
    '\\x1b[0-~]',
    // Where a line of a terminal is full, shells go on at the beginning of the next.
    ' \\r(?=[^\\r\\n])',
    '[\\x00\\x7f]',
  ].join('|'),
  'g',
)

/** A backslash, so that the pattern names the character and does not hold it. */
const ESCAPE = '\\x1b'
const UNSHOWN = new RegExp(`[${ESCAPE}\\x00\\x7f]| \\r[^\\r\\n]`)
const CONTROLS = new RegExp(`${ESCAPE}\\[[0-?]{0,64}[ -/]{0,8}[@-~]`, 'g')

/** A text without the sequences that move a cursor or colour, and where each of its characters stood. */
export interface PlainText {
  readonly plain: string
  /** Where the character at an index of the plain text stands in what was written. */
  placeOf(index: number): number
}

/** Whether a text has to be read as a terminal reads it. */
export function hasSequences(text: string): boolean {
  return UNSHOWN.test(text)
}

/** A text as a terminal shows it, but for what overwrites. */
export function toPlainText(text: string): PlainText {
  const parts: string[] = []
  /** Of each part: where it begins in the plain text, and how much was left out before it. */
  const begins: number[] = []
  const left: number[] = []
  let from = 0
  let length = 0
  const take = (to: number) => {
    if (to > from) {
      begins.push(length)
      left.push(from - length)
      parts.push(text.slice(from, to))
      length += to - from
    }
  }
  for (const match of text.matchAll(SEQUENCES)) {
    take(match.index)
    from = match.index + match[0].length
  }
  take(text.length)
  return {
    plain: parts.join(''),
    placeOf: (index) => index + (left[lastAtMost(begins, index)] ?? 0),
  }
}

/** The sequences in a part of a text, which stay where the rest of it is hidden. */
export function sequencesOf(text: string): string {
  return [...text.matchAll(CONTROLS)].map(([all]) => all).join('')
}

function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((sorted[middle] ?? 0) <= value) low = middle
    else high = middle - 1
  }
  return low
}
