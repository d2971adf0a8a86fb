/** Characters of a User-Agent that a record keeps. */
const USER_AGENT_CHARACTERS_MAX = 256

/** A signed token, whole or cut short; and whatever follows the word that announces a credential. */
const CREDENTIAL = /\beyJ[\w.-]{8,}|\b(?:bearer|basic)\s+\S+/gi

/**
 * A User-Agent as it stands on record: what a caller put into it by mistake, and looks like a
 * credential, is `[credential]`. For one that was not sanitized too.
 */
export function recordedUserAgent(value: string): string {
  const whole = value.slice(0, 4 * USER_AGENT_CHARACTERS_MAX)
  return sanitizeUserAgent(whole.replaceAll(CREDENTIAL, '[credential]'))
}

/** Printable ASCII of a User-Agent, at most 256 characters; it enters records and log lines. */
export function sanitizeUserAgent(value: string | undefined): string {
  return (value ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, USER_AGENT_CHARACTERS_MAX)
}
