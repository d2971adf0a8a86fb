import type { CommandClass } from './command-node.ts'
import { OPTION_NAMES } from './option-names.ts'
import { installedProgram, programName, type Word } from './word.ts'

/** A pattern of a command: its words, or the name of a class. */
export interface CommandPattern {
  readonly tokens: readonly Token[]
  /** Instead of tokens: everything of this class. */
  readonly className?: CommandClass
}

/** `one` stands for one word, `rest` for all that follow, none included. */
export type Token =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one' | 'rest' }

/** How a pattern is written, for people. */
export function describePattern({ tokens, className }: CommandPattern): string {
  if (className !== undefined) return `class ${className}`
  return JSON.stringify(
    tokens.map((token) => (token.kind === 'literal' ? token.text : WILD[token.kind])),
  )
}

const WILD = { one: '*', rest: '**' }

/**
 * Whether a pattern of an allow list covers a command, word by word. What is not known of a word is covered
 * by a wildcard only. The words up to `namedBy` say what runs, and must be written in the pattern.
 */
export function patternAllows(
  { tokens }: CommandPattern,
  words: readonly Word[],
  namedBy: number,
): boolean {
  if (tokens.length === 0) return false
  for (const [index, token] of tokens.entries()) {
    const word = words[index]
    if (token.kind === 'rest') return index > namedBy || words.length <= index
    if (word === undefined || word.many) return false
    if (token.kind === 'one' && index <= namedBy && index > 0) {
      // ["python3", "-c", "*"] names the option by which code comes.
      const before = tokens[index - 1]
      if (before?.kind !== 'literal' || !before.text.startsWith('-')) return false
    }
    if (
      token.kind === 'literal' &&
      !(index === 0 ? sameProgram(token.text, word) : isWord(token.text, word))
    )
      return false
  }
  return tokens.length === words.length
}

function isWord(text: string, word: Word): boolean {
  return word.exact && word.text === text
}

/** A program that is allowed by its name is one where systems have programs. */
function sameProgram(text: string, word: Word): boolean {
  if (!word.exact) return false
  return text.includes('/') ? text === word.text : installedProgram(word.text) === text
}

/**
 * Whether a pattern of a deny list hits a command. What is not known of a word may be anything. A program is
 * known by its name in whatever folder. A pattern of several words is hit in whatever order options stand,
 * together or apart, and by further words too: they do not make a command harmless.
 */
export function patternDenies({ tokens }: CommandPattern, words: readonly Word[]): boolean {
  const [program, ...rest] = tokens
  const [first, ...others] = words
  if (program === undefined || first === undefined) return false
  if (program.kind === 'rest') return true
  if (program.kind === 'literal' && programName(program.text) !== programName(first.text))
    return false
  return (
    hits(rest, others) || (rest.length > 0 && hitsLoosely(programName(first.text), rest, others))
  )
}

function hits(tokens: readonly Token[], words: readonly Word[]): boolean {
  for (const [index, token] of tokens.entries()) {
    if (token.kind === 'rest') return true
    const word = words[index]
    if (word === undefined) return false
    if (word.many) return true
    if (token.kind === 'literal' && word.exact && token.text !== word.text) return false
  }
  return tokens.length === words.length || words[tokens.length]?.many === true
}

function hitsLoosely(program: string, tokens: readonly Token[], words: readonly Word[]): boolean {
  if (words.some(({ many }) => many)) return hitsAsFarAsKnown(tokens, words)
  const given = words.flatMap(({ text, exact }) => (exact ? optionsIn(program, text) : []))
  const wanted = tokens.flatMap((token) =>
    token.kind === 'literal' ? optionsIn(program, token.text) : [],
  )
  if (!wanted.every((option) => given.includes(option))) return false
  const operands = words.filter(({ text }) => !isOption(text))
  let at = 0
  for (const token of tokens) {
    if (token.kind === 'rest' || (token.kind === 'literal' && isOption(token.text))) continue
    const place = operands.findIndex((word, index) => index >= at && covers(token, word))
    if (place === -1) return false
    at = place + 1
  }
  return true
}

/** Words that are not known may be all that is missing; what stands before them must fit. */
function hitsAsFarAsKnown(tokens: readonly Token[], words: readonly Word[]): boolean {
  const before = words.slice(
    0,
    words.findIndex(({ many }) => many),
  )
  const known = before.filter(({ text }) => !isOption(text))
  const wanted = tokens.filter((token) => token.kind !== 'literal' || !isOption(token.text))
  return known.every((word, index) => {
    const token = wanted[index]
    return token === undefined || covers(token, word)
  })
}

function covers(token: Token, word: Word): boolean {
  return token.kind !== 'literal' || !word.exact || token.text === word.text
}

function isOption(text: string): boolean {
  return text.length > 1 && text.startsWith('-')
}

/** `-rf` as `-r` and `-f`, and long names as the short ones where the program has both. */
function optionsIn(program: string, text: string): readonly string[] {
  if (!isOption(text) || text === '--') return []
  const names = OPTION_NAMES[program] ?? {}
  const plain = (option: string) => names[option] ?? option
  if (text.startsWith('--')) {
    // GNU takes a long option by any beginning that no other has.
    const long = Object.keys(names).find((name) => name.startsWith(text) && text.length > 3)
    return [plain(long ?? text)]
  }
  return /^-[A-Za-z]+$/.test(text)
    ? [...text.slice(1)].map((letter) => plain(`-${letter}`))
    : [text]
}
