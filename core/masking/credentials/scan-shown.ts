import type { HiddenPart } from './assignment.ts'
import type { CredentialScanner, Found } from './credential-scanner.ts'
import { PEM_RULE } from './pem-block.ts'
import { hasSequences, toPlainText } from './terminal-text.ts'

/** The first private key that has more than one line. */
export function pemOf(
  text: string,
  { findings, pem }: Found,
): { readonly start: number } | undefined {
  const lines = findings.find(
    ({ rule, start, end }) => rule === PEM_RULE && text.slice(start, end).includes('\n'),
  )
  return lines ?? (pem === undefined ? undefined : { start: pem.from })
}

/** What is found in what a terminal shows of a text, and in the text as it is. */
export function scanShown(scanner: CredentialScanner, text: string): Found {
  const asItIs = scanner.scanText(text)
  if (!hasSequences(text)) return asItIs
  const { plain, placeOf } = toPlainText(text)
  const shown = scanner.scanText(plain)
  const place = <T extends HiddenPart>(one: T): HiddenPart => ({
    ...{ rule: one.rule, start: placeOf(one.start) },
    end: one.end > one.start ? placeOf(one.end - 1) + 1 : placeOf(one.start),
  })
  const findings = [...shown.findings.map(place), ...asItIs.findings].sort(
    (a, b) => a.start - b.start || b.end - a.end,
  )
  const open = shown.open ?? asItIs.open
  const hidden = shown.open?.hidden
  return {
    findings: findings.filter(
      (one, at) => !findings.slice(0, at).some(({ end }) => end > one.start),
    ),
    open:
      shown.open === undefined || open === undefined
        ? open
        : {
            from: placeOf(open.from),
            hidden: hidden === undefined ? undefined : { ...place(hidden), end: text.length },
          },
    pem:
      shown.pem === undefined
        ? asItIs.pem
        : { ...shown.pem, from: placeOf(shown.pem.from - 1) + 1 },
  }
}

/** What is found, and instead of what is over it the part that may go on. */
export function withOpen(findings: readonly HiddenPart[], open: HiddenPart): readonly HiddenPart[] {
  return [...findings.filter(({ end }) => end <= open.start), open]
}
