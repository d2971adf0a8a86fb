import { isCredentialValue, type ValueContext } from './assigned-value.ts'
import { classOfKey, type KeyClass } from './credential-keys.ts'

/** A part of a text that has to be hidden. */
export interface HiddenPart {
  readonly rule: string
  readonly start: number
  readonly end: number
}

/** Where values without quotes end that were read in a text, by what ends them: none is read twice. */
export type ValueRuns = Map<RegExp, { readonly from: number; readonly end: number }>

/** What stands behind a name that a credential usually has. */
export interface AssignedValue extends HiddenPart {
  /** Whether the text ended within the value, so that more of it may come. */
  readonly isOpen: boolean
  /** Where the name begins. */
  readonly from: number
  /** Whether the value, as far as it is there, is one; an open one may become one. */
  readonly isCredential: boolean
}

const NAME_MAX = 128
/** How far behind a name its value may begin: types, brackets, and the other key of a pair. */
const WAY_MAX = 200
/** Longest value that is looked at: more than any text of an object of Kubernetes, or piece of a stream. */
const VALUE_MAX = 2 * 1024 * 1024

/** A closing quote or bracket behind the name, escaped or not. */
const CLOSED = /\\{0,8}["'`]?[\])]?/y
const SPACES = /[ \t]{0,64}/y
/** `: str =`, ` string =`, `?: string =`, `*string =`. */
const TYPED =
  /(?:\??:[ \t]{0,8}|[ \t]{1,8})[A-Za-z_&*[][\w.[\]<>|?&*' ]{0,48}?[ \t]{0,8}:?=(?!=)[ \t]{0,64}(?=[@$A-Za-z]?["'`])/y
const SIGN = /(?::=|=>|={1,3}|!==?|\?=|\+=|:(?!:))/y
/** What makes a string of another in front of its quote. */
const STRING_OF =
  /(?:(?:\[\]byte|Buffer\.from|new String|String|bytes|SecretStr|to_owned|b64encode|quote|&)\()?(?:!!\w+[ \t])?(?:[bBrRfFuU@$L]{1,2}(?=["'`]))?/y
/** What comes before a value that stands on the next line: a block of YAML, or a string. */
const BELOW =
  /(?:[|>][+-]?[ \t]{0,8}\r?\n[ \t]{1,64}(?=[^\s-])|\\?\r?\n[ \t]{1,64}(?=["'`])|[|>]?[+-]?[ \t]{0,8}\r?\n[ \t]{0,64}$)/y
/** Between a name and a value in a sentence. */
const IS = /(?:(?:is|was|to|set to|value)[ \t]{1,8})?/y
/** The second half of a pair of name and value, in YAML, JSON and XML. */
const PAIR =
  /\\{0,8}["']?[ \t\r]*,?\s{0,80}\\{0,8}["']?(?:<\/name>\s{0,80}<)?[vV]alue\\{0,8}["']?[ \t]{0,8}[:=>][ \t]{0,8}/y
const PAIR_BEGUN =
  /\\{0,8}["']?[ \t\r]*,?\s{0,80}\\{0,8}["']?(?:v|va|val|valu|value)?\\{0,8}["']?[ \t]*[:=]?[ \t]*$/y
/** What stands before the name when the name is itself a value. */
const NAMED =
  /(?:(?:\bname|\bkey|\bKey|\bName)\\{0,8}["']?[ \t]{0,8}[:=][ \t]{0,8}\\{0,8}["']?|<name>)$/

/**
 * The assignment whose name holds the characters before `hit`: `name=value`, `name: value`, `"name": "value"`, a pair of
 * `name` and `value`, `--name value`, `name("value")`, `<name>value</name>`. Undefined when there is none.
 */
export function findAssignment(
  text: string,
  hit: number,
  runs: ValueRuns,
): AssignedValue | undefined {
  const [from, to] = nameAround(text, hit)
  const keyClass = classOfKey(text.slice(from, to).replaceAll(/^[-.]+|[-.:]+$/g, ''))
  if (keyClass === undefined) return undefined
  const way = wayToValue(text, from, to)
  if (way === undefined) return undefined
  if (way.at >= text.length) return { ...nothing(from, text.length), isOpen: way.isPair }
  return valueAt(text, from, keyClass, way, runs)
}

function nothing(from: number, at: number): AssignedValue {
  return { rule: '', start: at, end: at, from, isOpen: false, isCredential: false }
}

function nameAround(text: string, hit: number): readonly [number, number] {
  let from = hit
  while (from > 0 && hit - from < NAME_MAX && isNameCode(text.charCodeAt(from - 1))) from -= 1
  let to = hit
  while (to < text.length && to - hit < NAME_MAX && isNameCode(text.charCodeAt(to))) to += 1
  return [from, to]
}

/** What stands on the line before a place, as far as it matters. */
function lineBefore(text: string, at: number): string {
  const near = text.slice(Math.max(0, at - NAME_MAX), at)
  return near.slice(near.lastIndexOf('\n') + 1)
}

/** Letters, digits, `_`, `.` and `-`. */
function isNameCode(code: number): boolean {
  const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)
  const isDigit = code >= 0x30 && code <= 0x39
  return isLetter || isDigit || code === 0x5f || code === 0x2e || code === 0x2d
}

/** Where a value begins and what led there. */
interface Way {
  readonly at: number
  readonly sign: ValueContext['sign']
  /** Spaces on both sides of the sign. */
  readonly isSpaced: boolean
  readonly isPair: boolean
  readonly isQuotedName: boolean
}

function wayToValue(text: string, from: number, to: number): Way | undefined {
  const near = text.slice(0, Math.min(text.length, to + WAY_MAX))
  const isQuotedName = /["'`]$/.test(text.slice(from - 1, from))
  // Labels, paths and the ends of elements: `checksum/secret: …`.
  if (text[from - 1] === '/') return undefined
  const base = { isSpaced: false, isPair: false, isQuotedName }
  const pair = wayOfPair(near, from, to)
  if (pair !== undefined) return { ...base, at: pair, sign: ':', isPair: true }
  const typed = matchAt(TYPED, near, to)
  if (typed > to) return { ...base, at: typed, sign: '=', isSpaced: true }
  if (text[to] === '>' && text[from - 1] === '<') return { ...base, at: to + 1, sign: '>' }
  const closed = matchAt(CLOSED, near, to)
  const spaced = matchAt(SPACES, near, closed)
  const signed = matchAt(SIGN, near, spaced)
  if (signed > spaced) {
    const at = matchAt(SPACES, near, signed)
    // Objects and lists.
    if (text[at] === '{' && text[at + 1] !== '{') return undefined
    const below = matchAt(BELOW, near, at)
    if (below > at) return { ...base, at: below, sign: ':', isPair: true }
    const sign = text.startsWith(':', spaced) && signed === spaced + 1 ? ':' : '='
    return { ...base, at, sign, isSpaced: spaced > closed && at > signed }
  }
  return wayWithoutSign(text, near, { ...base, from, to, closed, spaced })
}

function wayWithoutSign(
  text: string,
  near: string,
  at: Omit<Way, 'at' | 'sign'> & Record<'from' | 'to' | 'closed' | 'spaced', number>,
): Way | undefined {
  const { from, to, closed, spaced, ...base } = at
  const next = text[spaced]
  if (next === '(' || (next === ',' && closed > to)) {
    const value = matchAt(SPACES, near, spaced + 1)
    // `set("password", "x")` and `password("x")`; anything else is called with what is computed.
    return /^[@$A-Za-z]?\\{0,8}["'`]/.test(text.slice(value, value + 12))
      ? { ...base, at: value, sign: '(' }
      : undefined
  }
  if (spaced === closed || closed > to) return undefined
  const isFlag =
    /(?:^|[\s"'`([,])--?$/.test(text.slice(Math.max(0, from - 3), from)) || text[from] === '-'
  const line = lineBefore(text, from)
  const isDocker = /^\s*(?:ENV|ARG)\s+$/.test(line)
  const isSql =
    /identified by$/i.test(text.slice(Math.max(0, to - 13), to)) ||
    /^(?:PASSWORD|password)$/.test(text.slice(from, to))
  if (isFlag || isDocker) return { ...base, at: spaced, sign: ' ' }
  if (isSql && /["']/.test(next ?? '')) return { ...base, at: spaced, sign: '(' }
  return { ...base, at: matchAt(IS, near, spaced), sign: 'prose' }
}

/** Where the value of a pair begins whose name this is. */
function wayOfPair(near: string, from: number, to: number): number | undefined {
  if (!NAMED.test(near.slice(Math.max(0, from - 24), from))) return undefined
  const at = matchAt(PAIR, near, to)
  if (at > to) return at
  PAIR_BEGUN.lastIndex = to
  return PAIR_BEGUN.test(near) ? near.length : undefined
}

/** Where a match that begins here ends; here when there is none. */
function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

function valueAt(
  text: string,
  from: number,
  keyClass: KeyClass,
  way: Way,
  runs: ValueRuns,
): AssignedValue {
  const begun = matchAt(STRING_OF, text, way.at)
  const quote = /^(\\{0,8})("""|'''|["'`])/.exec(text.slice(begun, begun + 12))
  const [start, end, isOpen] =
    quote === null || way.sign === '>'
      ? unquoted(text, way, runs)
      : quoted(text, begun + quote[0].length, quote[1] ?? '', quote[2] ?? '"')
  // `<password>` alone stands for a password.
  if (way.sign === '>' && !text.startsWith('</', end)) return { ...nothing(from, end), isOpen }
  const isLast = /^[ \t\r,]*(?:#.*)?(?:\n|$)/.test(text.slice(end, end + 64))
  const before = lineBefore(text, from)
  const context: ValueContext = {
    keyClass,
    sign: way.sign,
    isQuoted: quote !== null,
    isSpaced: way.isSpaced,
    isLast,
    isFirst:
      way.isPair || /^\s*(?:[-?]\s+|export\s+|set\s+|ENV\s+|ARG\s+|-e\s+)?["']?$/.test(before),
    name: text.slice(from, from + NAME_MAX),
    next: text.slice(end, end + 32),
  }
  const isCredential = end > start && isCredentialValue(text.slice(start, end), context)
  return { rule: `assigned-${keyClass}`, start, end, from, isOpen, isCredential }
}

type Span = readonly [start: number, end: number, isOpen: boolean]

function quoted(text: string, start: number, slashes: string, quote: string): Span {
  const limit = Math.min(text.length, start + VALUE_MAX)
  const isLong = quote.length > 1
  for (let at = start; at < limit; at += 1) {
    const code = text[at]
    if (code === '\n' && !isLong) return [start, wordEnd(text, start), false]
    if (!text.startsWith(quote, at)) {
      // An escaped character, unless the whole stands in an escaped string.
      if (code === '\\' && slashes === '') at += 1
      continue
    }
    if (slashes === '' || text.endsWith(slashes, at))
      return [start, at - slashes.length < start ? at : at - slashes.length, false]
    // The string in which this one stands ends here.
    return [start, at, false]
  }
  return [start, limit, true]
}

/** Where a word ends; a string without an end on its line is none. */
function wordEnd(text: string, start: number): number {
  let end = start
  while (end < text.length && !AMONG.test(text[end] ?? '')) end += 1
  return end
}

const SPACE = /\s/
/** What ends a value that stands among others. */
const AMONG = /[\s"'`,;&|<>)\]}]/
const OF_ELEMENT = /[<\n]/
/** What ends one that has a line of its own: spaces and nothing else. */
function unquoted(text: string, way: Way, runs: ValueRuns): Span {
  const line = lineBefore(text, way.at)
  const isOwnLine =
    way.sign === '=' &&
    !way.isSpaced &&
    /^\s*(?:export\s+|set\s+|ENV\s+|ARG\s+)?[A-Za-z_][\w.-]{0,96}=$/.test(line)
  const stop = isOwnLine ? SPACE : way.sign === '>' ? OF_ELEMENT : AMONG
  const limit = Math.min(text.length, way.at + VALUE_MAX)
  const run = runs.get(stop)
  const isKnown = run !== undefined && run.from <= way.at && way.at <= run.end
  let end = isKnown ? run.end : way.at
  if (!isKnown) {
    while (end < limit && !stop.test(text[end] ?? '')) end += 1
    runs.set(stop, { from: way.at, end })
  }
  const isOpen = end === limit
  // The end of a sentence.
  if (!isOwnLine && end > way.at && /[.:]/.test(text[end - 1] ?? '')) end -= 1
  return [way.at, end, isOpen]
}
