/**
 * What a terminal would obey instead of showing: control characters, and marks that turn the
 * direction of writing round or hide text.
 */
const UNSAFE = new RegExp(
  [
    String.raw`[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f]`,
    String.raw`[\ufeff\ufff9-\ufffb]`,
    // Half of a surrogate pair.
    String.raw`[\ud800-\udbff](?![\udc00-\udfff])`,
    String.raw`(?<![\ud800-\udbff])[\udc00-\udfff]`,
  ].join('|'),
  'g',
)

/** Text from the cluster, fit for a terminal: names and user agents are chosen by strangers. */
export function escapeText(text: string): string {
  return text.replaceAll(UNSAFE, (character) => {
    const code = character.charCodeAt(0)
    return code <= 0xff
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** JSON text stays the same JSON; what a terminal would obey stands in it as an escape. */
export function escapeJson(json: string): string {
  return json.replaceAll(UNSAFE, (character) =>
    character === '\n' ? '\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** True when a terminal would obey something in the text. */
export function isUnsafe(text: string): boolean {
  return escapeText(text) !== text
}
