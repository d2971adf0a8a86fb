import type { RE2JS } from 're2js'
import type { HiddenPart } from './assignment.ts'

/** A pattern of a MaskProfile. */
export interface OwnPattern {
  /** Under which matches are counted. */
  readonly name: string
  /** What its group `secret` matched is hidden, else all of a match. */
  readonly pattern: RE2JS
}

/** What patterns of MaskProfiles match in a text; empty matches hide nothing. */
export function findOwnPatterns(
  text: string,
  patterns: readonly OwnPattern[],
): readonly HiddenPart[] {
  const findings: HiddenPart[] = []
  for (const { name, pattern } of patterns) {
    if (!pattern.test(text)) continue
    const matcher = pattern.matcher(text)
    while (matcher.find()) {
      const [start, end] = secretOf(matcher)
      if (end > start) findings.push({ rule: name, start, end })
    }
  }
  return findings
}

type Matcher = ReturnType<RE2JS['matcher']>

/** Where the credential of a match stands: what its first group with a name matched, else all of it. */
export function secretOf(matcher: Matcher): readonly [start: number, end: number] {
  for (const name of Object.keys(matcher.pattern().namedGroups())) {
    if (matcher.group(name) !== null) return [matcher.start(name), matcher.end(name)]
  }
  return [matcher.start(), matcher.end()]
}
