const QUOTE = '"'
const OPENING = '{['
const CLOSING = '}]'
const BLANKS = ' \t\r\n'

/**
 * The same JSON with an indentation of two blanks. No value is parsed and written: letters are passed in their order,
 * and only blanks outside of strings are others, so that what is shown is what is sent. The text must be valid JSON.
 */
export function indentJson(text: string): string {
  const out: string[] = []
  let depth = 0
  let at = 0
  const newLine = () => out.push('\n', '  '.repeat(depth))
  while (at < text.length) {
    const letter = text.charAt(at)
    if (letter === QUOTE) {
      const end = endOfString(text, at)
      out.push(text.slice(at, end))
      at = end
      continue
    }
    at += 1
    if (BLANKS.includes(letter)) continue
    if (CLOSING.includes(letter)) depth -= 1
    const isEmpty = CLOSING.includes(letter) && OPENING.includes(out.at(-3) ?? ' ')
    if (isEmpty) out.splice(-2)
    else if (CLOSING.includes(letter)) newLine()
    out.push(letter)
    if (OPENING.includes(letter)) {
      depth += 1
      newLine()
    } else if (letter === ',') newLine()
    else if (letter === ':') out.push(' ')
  }
  return out.join('')
}

/** After the quote that ends a string. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charAt(at) !== QUOTE) at += text.charAt(at) === '\\' ? 2 : 1
  return at + 1
}
