/** Characters of a User-Agent that a record keeps. */
const USER_AGENT_CHARACTERS_MAX = 256

/** Printable ASCII of a User-Agent, at most 256 characters; it enters records and log lines. */
export function sanitizeUserAgent(value: string | undefined): string {
  return (value ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, USER_AGENT_CHARACTERS_MAX)
}
