/** Longest reason, in characters: some sentences and a link to a ticket. */
export const REASON_CHARACTERS_MAX = 1_024

/**
 * A reason as it is kept: without white space around, well-formed, and bounded; what is cut is marked. Escaped where it
 * is shown.
 */
export function cleanReason(text: string): string {
  const trimmed = text
    .slice(0, 2 * REASON_CHARACTERS_MAX)
    .trim()
    .toWellFormed()
  if (trimmed.length <= REASON_CHARACTERS_MAX) return trimmed
  return `${trimmed.slice(0, REASON_CHARACTERS_MAX - 1).toWellFormed()}…`
}
