/**
 * What a terminal would obey, or a reader would not see as it is: control characters (C0, C1), line
 * and paragraph separators, marks that turn the direction of writing round, zero widths and other
 * format characters, tags, what fonts show as nothing, and halves of surrogate pairs. By Unicode's own
 * properties, so that what a later version adds is among them.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu

/** Nearly every text, told ten times sooner. */
const PLAIN = /^[\x20-\x7e]*$/
const PLAIN_LINES = /^[\x20-\x7e\n]*$/

/** Text that strangers chose, fit for a terminal: `\x9b`, `\u202e` or `\u{e0041}` stand in it instead. */
export function escapeText(text: string): string {
  if (PLAIN.test(text)) return text
  return text.replaceAll(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0
    if (code > 0xffff) return `\\u{${code.toString(16)}}`
    return code <= 0xff ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`
  })
}

/** The same value, each text in it and each key escaped. For values that JSON can hold. */
export function escapeTexts<Value>(value: Value): Value {
  return escapeAny(value) as Value
}

function escapeAny(value: unknown): unknown {
  if (typeof value === 'string') return escapeText(value)
  if (Array.isArray(value)) return value.map(escapeAny)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, one]) => [escapeText(key), escapeAny(one)])
  return Object.fromEntries(entries) as unknown
}

/** JSON text stays the same JSON; what a terminal would obey stands in it as an escape. */
export function escapeJson(json: string): string {
  if (PLAIN_LINES.test(json)) return json
  return json.replaceAll(UNSAFE, (character) =>
    character === '\n'
      ? '\n'
      : Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
          .map((unit) => `\\u${hex(unit, 4)}`)
          .join(''),
  )
}

/** True when a terminal would obey something in the text. */
export function isUnsafe(text: string): boolean {
  return escapeText(text) !== text
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
