const WARNING_CHARACTERS_MAX = 1024

/** A warning as kubectl prints it: code 299, no agent, quoted text (RFC 7234 section 5.5). */
export function warningHeader(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, WARNING_CHARACTERS_MAX)
  return `299 - "${plain.replace(/["\\]/g, '\\$&')}"`
}
