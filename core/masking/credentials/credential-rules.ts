import { RE2JS } from 're2js'
import source from './credential-rules.json' with { type: 'json' }
import { secretOf } from './own-patterns.ts'

/** A rule as it stands in `credential-rules.json`, less its source and its examples. */
export interface CredentialRule {
  readonly id: string
  readonly class: string
  /** Where a match may begin, in any case of letters. */
  readonly keywords: readonly string[]
  /** RE2; matches at a keyword. What a named group matched is the credential, else all of it is. */
  readonly pattern: string
  /** How many characters before the keyword a match may begin. */
  readonly before?: number
  /** Longest match, in characters. */
  readonly lengthMax?: number
  /** Characters that cannot stand right before a match, as in a class of RE2; empty for any. */
  readonly boundary?: string
  /** Characters that must stand right before the keyword. */
  readonly precededBy?: string
  /** Shortest match, in characters. */
  readonly lengthMin: number
  /** Whether keywords are looked for in their own case of letters only. */
  readonly exact?: boolean
  /** Whether a match may hold spaces; else none is looked for beyond the next one. */
  readonly spaces?: boolean
  /** Must stand between the keyword and the next space or quote: cheaper than the pattern. */
  readonly within?: string
  /** What else must be true of a match, by the names in `credential-checks.ts`. */
  readonly check?: string
  /** Least Shannon entropy, in bits a character. */
  readonly entropyMin?: number
  /** Whether a digit is needed. */
  readonly digit?: boolean
  /** What the token's own checksum is; tokens without the right one are masked as well. */
  readonly checksum?: string
}

const RULES: readonly CredentialRule[] = source.rules
/** Longer than most tokens. */
const LENGTH_MAX = 512
/** Letters, digits and `_`: within a word no token begins. */
const BOUNDARY = 'A-Za-z0-9_'

const COLOUR = '\\x1b\\[[0-9;]{0,8}m'
const ESCAPE_BEFORE = new RegExp(`(?:\\\\[nrt"]|%[0-9A-Fa-f]{2}|${COLOUR})$`)

/** A rule that is ready to be tried; its pattern is compiled when it is first needed. */
export class CompiledRule {
  readonly rule: CredentialRule
  readonly before: number
  readonly lengthMax: number
  /** Undefined where any character may stand before. */
  readonly #boundary: RegExp | undefined
  readonly #precededBy: RegExp | undefined
  readonly #exact: ReadonlySet<string>
  #pattern: RE2JS | undefined

  constructor(rule: CredentialRule) {
    this.rule = rule
    this.before = rule.before ?? 0
    this.#exact = new Set(rule.keywords)
    this.lengthMax = rule.lengthMax ?? LENGTH_MAX
    const boundary = rule.boundary ?? BOUNDARY
    this.#boundary = boundary === '' ? undefined : new RegExp(`[${boundary}]`)
    this.#precededBy =
      rule.precededBy === undefined ? undefined : new RegExp(`[${rule.precededBy}]`)
  }

  get pattern(): RE2JS {
    this.#pattern ??= RE2JS.compile(this.rule.pattern)
    return this.#pattern
  }

  /**
   * Where the credential stands in a part of a text whose keyword begins at `keyword`: from and to. Undefined when the
   * pattern does not match there.
   */
  match(part: string, keyword: number): readonly [number, number] | undefined {
    const matcher = this.pattern.matcher(part)
    if (this.before === 0) return matcher.lookingAt() ? secretOf(matcher) : undefined
    while (matcher.find()) {
      if (matcher.start() > keyword) return undefined
      if (matcher.end() > keyword) return secretOf(matcher)
    }
    return undefined
  }

  /** Whether a match may begin at a keyword, by its letters and by what stands before. */
  canBegin(text: string, at: number, keywordEnd: number): boolean {
    if (this.rule.exact === true && !this.#exact.has(text.slice(at, keywordEnd))) return false
    const before = text[at - 1]
    if (this.#precededBy !== undefined && (before === undefined || !this.#precededBy.test(before)))
      return false
    if (before === undefined || this.#boundary === undefined || !this.#boundary.test(before))
      return true
    // The letter of an escape, as in "\nghp_…", or of a byte of a URL, as in "%3Dghp_…".
    return ESCAPE_BEFORE.test(text.slice(Math.max(0, at - 12), at))
  }
}

/** The maintained rules, compiled for one user of them. */
export function compileCredentialRules(
  rules: readonly CredentialRule[] = RULES,
): readonly CompiledRule[] {
  return rules.map((rule) => new CompiledRule(rule))
}
