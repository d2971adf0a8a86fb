import {
  type AssignedValue,
  findAssignment,
  type HiddenPart,
  type ValueRuns,
} from './assignment.ts'
import { CREDENTIAL_CHECKS, hasRightChecksum } from './credential-checks.ts'
import { KEY_KEYWORDS } from './credential-keys.ts'
import { type CompiledRule, compileCredentialRules } from './credential-rules.ts'
import { entropy, isPlaceholder } from './credential-value.ts'
import { KeywordAutomaton } from './keyword-automaton.ts'
import { findOwnPatterns, type OwnPattern } from './own-patterns.ts'
import { findPem, PEM_RULE, type PemBegin } from './pem-block.ts'

/** Keywords that end in a text, as the automaton reports them. */
export interface Hits {
  readonly keywords: number[]
  readonly ends: number[]
}

export interface Found {
  /** In order, none over another. */
  readonly findings: readonly HiddenPart[]
  /** A credential that may go on behind the end of the text: where its text begins, and the part to hide of it. */
  readonly open: { readonly from: number; readonly hidden: HiddenPart | undefined } | undefined
  /** A private key whose end is not in the text. */
  readonly pem: PemBegin | undefined
}

/** Characters that patterns may look at for each of a text: more is nothing but an attack on the masker. */
const WORK_MAX = 16
const WORK_BASE = 64 * 1024
/** The characters of tokens and of what encodes them. */
const TOKEN_CHARACTER = /[A-Za-z0-9_.~+/=%:@!$&*^#?-]/

/** Of most texts. */
const NOTHING: Found = { findings: [], open: undefined, pem: undefined }

interface Scan {
  readonly text: string
  readonly findings: HiddenPart[]
  open: Found['open']
  pem: PemBegin | undefined
  /** Characters that patterns may still look at. */
  work: number
  readonly runs: ValueRuns
  /** Names of assignments before here are done. */
  namesTo: number
}

/** Finds credentials in text, in time linear in its length. Keeps nothing between two texts. */
export class CredentialScanner {
  readonly automaton: KeywordAutomaton
  /** By keyword: its length and the rules that it may begin; none for the name of an assignment. */
  readonly #lengths: readonly number[]
  readonly #rules: readonly (readonly CompiledRule[])[]
  readonly #own: readonly OwnPattern[]

  /**
   * `own` are patterns of MaskProfiles, which are looked for everywhere; `keys` are the names that credentials are
   * assigned to.
   */
  constructor(
    own: readonly OwnPattern[] = [],
    rules: readonly CompiledRule[] = compileCredentialRules(),
    keys: readonly string[] = KEY_KEYWORDS,
  ) {
    const byKeyword = new Map<string, CompiledRule[]>()
    for (const keyword of keys) byKeyword.set(keyword.toLowerCase(), [])
    for (const rule of rules)
      for (const keyword of rule.rule.keywords.map((one) => one.toLowerCase()))
        byKeyword.set(keyword, [...(byKeyword.get(keyword) ?? []), rule])
    const names = new Set(keys)
    const keywords = [...byKeyword.keys()]
    this.automaton = new KeywordAutomaton(keywords)
    this.#lengths = keywords.map(({ length }) => length)
    this.#rules = keywords.map((keyword) => byKeyword.get(keyword) ?? [])
    this.#isName = keywords.map((keyword) => names.has(keyword))
    this.#own = own
  }

  readonly #isName: readonly boolean[]

  /** Whether a text without any keyword has to be looked at. */
  get looksEverywhere(): boolean {
    return this.#own.length > 0
  }

  /** What is found in a text, of which every character stands for itself or for a byte. */
  scanText(text: string): Found {
    const hits: Hits = { keywords: [], ends: [] }
    this.automaton.scanText(text, (keyword, end) => {
      hits.keywords.push(keyword)
      hits.ends.push(end)
    })
    if (hits.ends.length === 0 && this.#own.length === 0) return NOTHING
    return this.scanHits(text, hits)
  }

  /** The same when the keywords in the text are known. */
  scanHits(text: string, { keywords, ends }: Hits): Found {
    const scan: Scan = {
      ...{ text, findings: [], open: undefined, pem: undefined, namesTo: 0, runs: new Map() },
      work: text.length * WORK_MAX + WORK_BASE,
    }
    for (let index = 0; index < keywords.length; index += 1) {
      const keyword = keywords[index] ?? 0
      const end = ends[index] ?? 0
      if (scan.pem !== undefined) break
      if (this.#isName[keyword]) lookForAssignment(scan, end)
      const rules = this.#rules[keyword] ?? []
      for (const rule of rules) lookForToken(scan, rule, end - (this.#lengths[keyword] ?? 0), end)
      if (scan.work < 0) {
        const start = end - (this.#lengths[keyword] ?? 0)
        scan.findings.push({ rule: 'too-much-to-look-at', start, end: text.length })
        break
      }
    }
    scan.findings.push(...findOwnPatterns(text, this.#own))
    return { findings: merge(scan.findings), open: scan.open, pem: scan.pem }
  }
}

function lookForAssignment(scan: Scan, hit: number): void {
  const { text } = scan
  if (hit <= scan.namesTo) return
  const found = findAssignment(text, hit, scan.runs)
  if (found === undefined) return
  scan.work -= Math.min(found.end - found.start, 512)
  scan.namesTo = found.isCredential ? found.end : hit
  if (found.isCredential) scan.findings.push(found)
  if (found.isOpen) openAssignment(scan, found)
}

function openAssignment(scan: Scan, { from, rule, start, end, isCredential }: AssignedValue): void {
  const isHidden =
    end > start && (isCredential || !isPlaceholder(scan.text.slice(start, start + 64)))
  noteOpen(scan, from, isHidden ? { rule, start, end } : undefined)
}

function noteOpen(scan: Scan, from: number, hidden: HiddenPart | undefined): void {
  const { open } = scan
  if (open === undefined) scan.open = { from, hidden }
  else {
    const both = open.hidden === undefined ? hidden : open.hidden
    scan.open = { from: Math.min(open.from, from), hidden: both }
  }
}

function lookForToken(scan: Scan, compiled: CompiledRule, start: number, end: number): void {
  const { text } = scan
  const { rule } = compiled
  if (isInside(scan.findings, start) || !compiled.canBegin(text, start, end)) return
  if (rule.id === PEM_RULE) {
    const pem = findPem(text, start)
    if (pem?.end === undefined) scan.pem = pem
    else scan.findings.push({ rule: rule.id, start: pem.from, end: pem.end })
    return
  }
  const limit = lastOf(text, compiled, end)
  if (rule.within !== undefined && !text.slice(end, limit).includes(rule.within)) {
    if (limit === text.length) openToken(scan, compiled, start, end)
    return
  }
  if (limit - start + compiled.before < rule.lengthMin) {
    if (limit === text.length) openToken(scan, compiled, start, end)
    return
  }
  scan.work -= limit - start + compiled.before
  const from = Math.max(0, start - compiled.before)
  const match = compiled.match(text.slice(from, limit), start - from)
  const found =
    match === undefined
      ? undefined
      : { rule: rule.id, start: from + match[0], end: from + match[1] }
  if (found !== undefined && isToken(compiled, text.slice(found.start, found.end)))
    scan.findings.push(found)
  if (limit === text.length) openToken(scan, compiled, start, end)
}

function isInside(findings: readonly HiddenPart[], at: number): boolean {
  const last = findings.at(-1)
  return last !== undefined && at > last.start && at < last.end
}

/** Spaces, quotes and angle brackets, which only some rules' matches may hold. */
function isStop(code: number): boolean {
  return (
    code <= 0x20 ||
    code === 0x22 ||
    code === 0x27 ||
    code === 0x60 ||
    code === 0x3c ||
    code === 0x3e
  )
}

/** Where a match ends at the latest. */
function lastOf(text: string, { rule, lengthMax }: CompiledRule, end: number): number {
  const limit = Math.min(text.length, end + lengthMax)
  if (rule.spaces === true) {
    const line = text.indexOf('\n', end)
    return line < 0 ? limit : Math.min(limit, line + 1)
  }
  let at = end
  while (at < limit && !isStop(text.charCodeAt(at))) at += 1
  return Math.min(text.length, at + 1)
}

function isToken({ rule }: CompiledRule, secret: string): boolean {
  if (rule.checksum !== undefined && hasRightChecksum(secret)) return true
  if (rule.digit === true && !/\d/.test(secret)) return false
  if (rule.entropyMin !== undefined && entropy(secret) < rule.entropyMin) return false
  const check = rule.check === undefined ? undefined : CREDENTIAL_CHECKS[rule.check]
  return check === undefined ? !isPlaceholder(secret.slice(0, 256)) : check(secret)
}

/** A token that may go on behind the end of the text. */
function openToken(scan: Scan, { rule }: CompiledRule, start: number, end: number): void {
  const { text } = scan
  let at = end
  if (rule.id === 'url-password') {
    openUrl(scan, start, end)
    return
  }
  while (at < text.length && /[ \t"'\\]/.test(text[at] ?? '') && rule.spaces === true) at += 1
  const first = at
  while (at < text.length && TOKEN_CHARACTER.test(text[at] ?? '')) at += 1
  if (at < text.length || first === text.length) return
  noteOpen(scan, start, { rule: rule.id, start: rule.spaces === true ? first : start, end: at })
}

/** `scheme://user:` is followed by a password, or is a host whose port is digits. */
function openUrl(scan: Scan, start: number, end: number): void {
  const rest = scan.text.slice(end, end + 2_048)
  const colon = rest.indexOf(':')
  if (colon < 0 || /[\s/?#"'<>]/.test(rest) || /^\d{0,5}$/.test(rest.slice(colon + 1))) return
  const at = end + colon + 1
  noteOpen(scan, start, { rule: 'url-password', start: at, end: scan.text.length })
}

/** Findings in order; those over each other become one, under the name of the more special rule. */
function merge(findings: readonly HiddenPart[]): readonly HiddenPart[] {
  const merged: HiddenPart[] = []
  for (const one of findings.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1)
    if (last === undefined || one.start >= last.end) merged.push(one)
    else {
      const rule = last.rule.startsWith('assigned-') ? one.rule : last.rule
      merged[merged.length - 1] = { rule, start: last.start, end: Math.max(last.end, one.end) }
    }
  }
  return merged
}
