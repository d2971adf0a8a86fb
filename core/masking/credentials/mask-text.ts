import type { CredentialScanner } from './credential-scanner.ts'
import { MaskCounts, type MaskWords } from './mask-words.ts'
import { endOfPem } from './pem-block.ts'

/**
 * A text of any number of lines with tokens in the place of its credentials; undefined when it has none. `counts` is
 * told what was hidden.
 */
export function maskText(
  text: string,
  scanner: CredentialScanner,
  words: MaskWords,
  counts: MaskCounts = new MaskCounts(),
): string | undefined {
  const { findings, pem } = scanner.scanText(text)
  const hidden = pem === undefined ? findings : [...findings.filter(({ end }) => end <= pem.from)]
  const parts: string[] = []
  let from = 0
  const hide = (rule: string, start: number, end: number) => {
    parts.push(text.slice(from, start), words.tokenOf(Buffer.from(text.slice(start, end))))
    counts.add(rule)
    from = end
  }
  for (const { rule, start, end } of hidden) hide(rule, start, end)
  if (pem !== undefined) {
    hide('pem-private-key', pem.from, endOfPem(text, pem.from))
    // What is behind a key without an end is a text of its own.
    const rest = text.slice(from)
    parts.push(maskText(rest, scanner, words, counts) ?? rest)
    return parts.join('')
  }
  if (from === 0 && parts.length === 0) return undefined
  parts.push(text.slice(from))
  return parts.join('')
}
