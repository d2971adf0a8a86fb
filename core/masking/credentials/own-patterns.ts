import type { RE2JS } from 're2js'
import type { HiddenPart } from './assignment.ts'

/** A pattern of a MaskProfile. */
export interface OwnPattern {
  /** Under which matches are counted. */
  readonly name: string
  /** What its group `secret` matched is hidden, else all of a match. */
  readonly pattern: RE2JS
}

/** What patterns of MaskProfiles match in the lines of a text; empty matches hide nothing. */
export function findOwnPatterns(
  text: string,
  patterns: readonly OwnPattern[],
): readonly HiddenPart[] {
  if (patterns.length === 0) return []
  const findings: HiddenPart[] = []
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from)
    const line = text.slice(from, end < 0 ? text.length : end)
    for (const pattern of patterns) findInLine(line, from, pattern, findings)
    from += line.length + 1
  }
  return findings
}

function findInLine(
  line: string,
  from: number,
  { name, pattern }: OwnPattern,
  findings: HiddenPart[],
): void {
  if (!pattern.test(line)) return
  const matcher = pattern.matcher(line)
  while (matcher.find()) {
    const [start, end] = secretOf(matcher)
    if (end > start) findings.push({ rule: name, start: from + start, end: from + end })
  }
}

type Matcher = ReturnType<RE2JS['matcher']>

/** Where the credential of a match stands: what its first group with a name matched, else all of it. */
export function secretOf(matcher: Matcher): readonly [start: number, end: number] {
  for (const name of Object.keys(matcher.pattern().namedGroups())) {
    if (matcher.group(name) !== null) return [matcher.start(name), matcher.end(name)]
  }
  return [matcher.start(), matcher.end()]
}
