import { isCodeProgram } from './code-programs.ts'
import { hasOpenHatch, isHatched } from './hatches.ts'

/** A program that runs code in a language of its own. */
interface Interpreter {
  readonly names: RegExp
  /** Letters of the options that bring code, alone or behind others: `-c`, `-ne`. */
  readonly code: string
  /** Letters and long names of other options with a value in the next word. */
  readonly valued: readonly string[]
  /** Whether its first operand is code, as in awk. */
  readonly firstIsCode: boolean
}

const of = (names: RegExp, code: string, valued: string, firstIsCode = false): Interpreter => ({
  ...{ names, code, firstIsCode },
  valued: valued.split(' ').filter((word) => word !== ''),
})

/** From the manuals of each. */
const INTERPRETERS: readonly Interpreter[] = [
  of(
    /^(?:python|pypy|micropython|jython|ipython)[\d.]*$/,
    'cm',
    '-W -X -Q --check-hash-based-pycs',
  ),
  of(/^perl[\d.]*$/, 'eE', '-I'),
  of(/^j?ruby[\d.]*$/, 'e', '-I -r -C -E'),
  of(
    /^(?:node|nodejs|bun|tsx|ts-node|iojs)[\d.]*$/,
    'ep',
    '-r --require --import --loader --env-file -C --conditions',
  ),
  of(/^deno$/, '', ''),
  of(/^php(?:-cgi)?[\d.]*$/, 'rBRE', '-d -c -z -t -S'),
  of(/^(?:lua|luajit|texlua|lua-?)[\d.]*$/, 'el', ''),
  of(
    /^(?:awk|gawk|mawk|nawk|original-awk|bwk)$/,
    'feE',
    '-F -v -i -l --field-separator --assign',
    true,
  ),
  of(/^(?:sed|gsed|ssed)$/, 'ef', '-l --line-length', true),
  of(/^(?:tclsh|wish|expect|jimsh)[\d.]*$/, 'c', ''),
]

/** A program any word of which may be code. */
const ANY_CODE = of(/^/, '', '')

/** How an interpreter was called. */
export interface InterpreterCall {
  /** CommandPlace of the word that is code, or names what runs; the number of words where it reads its input. */
  readonly at: number
  readonly readsInput: boolean
  /** Whether the program runs something only with some of its words, of which one is there. */
  readonly onlyWith?: true
}

/** Whether a program can run code, whatever its words are now. */
export function isInterpreter(program: string): boolean {
  return isHatched(hatchName(program)) || interpreterNamed(program) !== undefined
}

function interpreterNamed(program: string): Interpreter | undefined {
  if (isCodeProgram(program)) return ANY_CODE
  return INTERPRETERS.find(({ names }) => names.test(program))
}

/** `pip3.12` is pip. */
function hatchName(program: string): string {
  return /^pip[\d.]+$/.test(program) ? 'pip' : program
}

/** Reads a call of an interpreter; undefined for another program, and for a call that runs no code. */
export function parseInterpreterCall(
  program: string,
  words: readonly string[],
): InterpreterCall | undefined {
  const rest = words.slice(1)
  if (rest.length === 1 && /^(?:--?version|--?help|-V)$/.test(rest[0] ?? '')) return undefined
  const hatch = hatchName(program)
  if (isHatched(hatch)) {
    const isOpen = hasOpenHatch(hatch, rest)
    return isOpen ? { at: words.length - 1, readsInput: false, onlyWith: true } : undefined
  }
  const interpreter = interpreterNamed(program)
  if (interpreter === undefined) return undefined
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === '--') return { at: at + 1, readsInput: at + 1 >= words.length }
    if (word === '-' || !word.startsWith('-')) {
      return { at, readsInput: word === '-' }
    }
    if (/^--(?:eval|print|exec|expression|command|file|source|run|code)\b/.test(word)) {
      return { at: word.includes('=') ? at : at + 1, readsInput: false }
    }
    if (interpreter.valued.includes(word)) at += 1
    else if (!word.startsWith('--')) {
      const place = [...word].findIndex(
        (letter, index) => index > 0 && interpreter.code.includes(letter),
      )
      if (place !== -1) return { at: place === word.length - 1 ? at + 1 : at, readsInput: false }
    }
  }
  return { at: words.length, readsInput: true }
}

const HARMLESS_AWK = /^[^|@<>]*$/
const HARMLESS_SED =
  /^(?:\d+|\$|\/[^/\\]*\/)?(?:,(?:\d+|\$|\/[^/\\]*\/))?(?:[pdq=]|s([/|,#:])(?:(?!\1)[^\\\n]|\\[^\n])*\1(?:(?!\1)[^\\\n]|\\[^\n])*\1[gpiI\d]*)$/

/** Whether code of awk or sed can be seen to start nothing and to write no file. */
export function isHarmlessCode(program: string, words: readonly string[]): boolean {
  const options = words.slice(1).filter((word) => word.startsWith('-') && word.length > 1)
  if (/awk$/.test(program)) {
    const [code = ''] = words.slice(1).filter((word) => !word.startsWith('-'))
    const plain =
      HARMLESS_AWK.test(code) &&
      !/system|getline|printf?\s*>|close|extension|include|load/.test(code)
    return plain && options.every((option) => /^-F.+$/.test(option))
  }
  if (!/sed$/.test(program)) return false
  const [code = ''] = words.slice(1).filter((word) => !word.startsWith('-'))
  return HARMLESS_SED.test(code) && options.every((option) => /^-[nErz]+$/.test(option))
}
