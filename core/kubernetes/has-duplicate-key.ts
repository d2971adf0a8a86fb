const STRING = /"(?:[^"\\]|\\.)*"/y
const BETWEEN = /[^"{}[\],]*/y

/**
 * Whether an object in a JSON text has one key twice, so that two readers could take different ones. The text must be
 * valid JSON.
 */
export function hasDuplicateKey(text: string): boolean {
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  let at = 0
  while (at < text.length) {
    BETWEEN.lastIndex = at
    at += BETWEEN.exec(text)?.[0].length ?? 0
    const letter = text[at]
    if (letter === '"') {
      STRING.lastIndex = at
      const written = STRING.exec(text)?.[0] ?? '"'
      const keys = open.at(-1)
      if (isKey && keys !== undefined) {
        const key = JSON.parse(written) as string
        if (keys.has(key)) return true
        keys.add(key)
      }
      isKey = false
      at += written.length
      continue
    }
    if (letter === '{' || letter === '[') open.push(letter === '{' ? new Set() : undefined)
    if (letter === '}' || letter === ']') open.pop()
    // A key follows a brace, or a comma in an object.
    isKey = letter === '{' || (letter === ',' && open.at(-1) !== undefined)
    at += 1
  }
  return false
}
