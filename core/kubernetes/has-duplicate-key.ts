import { BACKSLASH, BRACE, BRACKET, COMMA, END_BRACE, END_BRACKET, QUOTE } from '../json-letters.ts'

/**
 * Whether an object in a JSON text has one key twice, so that two readers could take different ones. The text must be
 * valid JSON. Takes some milliseconds for a text of 1 MiB, whatever is in it.
 */
export function hasDuplicateKey(text: string): boolean {
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at)
        const keys = isKey ? open.at(-1) : undefined
        if (keys !== undefined) {
          const key = JSON.parse(text.slice(at, end + 1)) as string
          if (keys.has(key)) return true
          keys.add(key)
        }
        isKey = false
        at = end
        break
      }
      case BRACE:
        open.push(new Set())
        isKey = true
        break
      case BRACKET:
        open.push(undefined)
        isKey = false
        break
      case END_BRACE:
      case END_BRACKET:
        open.pop()
        isKey = false
        break
      case COMMA:
        isKey = open.at(-1) !== undefined
        break
      default:
    }
  }
  return false
}

/** Where the quote stands that ends a string. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charCodeAt(at) !== QUOTE) {
    at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  }
  return at
}
