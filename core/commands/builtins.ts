import { effectOfVariable } from './environment.ts'
import type { Word } from './word.ts'

/** Builtins of shells after which nobody can tell what a name means, or that run what is not written. */
const UNCLEAR: Readonly<Record<string, string>> = {
  alias: 'it gives a name another meaning',
  hash: 'it gives a name another meaning',
  enable: 'it can load code, or give a name another meaning',
  complete: 'it runs commands when something is typed',
  compgen: 'it runs commands when something is typed',
  bind: 'it runs commands when something is typed',
  coproc: 'what a coprocess runs is not read',
  mapfile: 'it can run a command for each line',
  readarray: 'it can run a command for each line',
  fc: 'it runs lines of the history',
  history: 'it changes the history',
  source: 'it runs a file in the shell itself',
  '.': 'it runs a file in the shell itself',
  dot: 'it runs a file in the shell itself',
  autoload: 'it loads functions from files',
  zmodload: 'it loads code',
}

/**
 * What a builtin of a shell runs: a script, a text why it cannot be told, or undefined for what is none of these
 * builtins.
 */
export function parseBuiltin(program: string, words: readonly Word[]): Word | string | undefined {
  const [first, ...rest] = words
  if (first?.text === '.') return UNCLEAR['.']
  if (program === 'eval') return joinedScript(rest)
  if (program === 'trap') return rest.length < 2 ? undefined : trapScript(rest)
  if (setsVariable(program, rest)) return 'it sets a variable that changes what runs'
  const isDeclaration = ['export', 'declare', 'typeset', 'local', 'readonly'].includes(program)
  if (isDeclaration && rest.some(({ text }) => /^-[A-Za-z]*[nif]/.test(text)))
    return 'it gives a name another meaning'
  if (program === 'set' && rest.some(({ text }) => /^-[A-Za-z]*[xk]/.test(text)))
    return 'it runs what stands in PS4, or takes variables from words'
  return Object.hasOwn(UNCLEAR, program) ? UNCLEAR[program] : undefined
}

/** Whether a builtin that is given names of variables gets one that decides what runs. */
function setsVariable(program: string, words: readonly Word[]): boolean {
  const isPrintf = program === 'printf' && words.some(({ text }) => text.startsWith('-v'))
  if (!isPrintf && !SET_VARIABLES.includes(program)) return false
  return words.some(({ text }) =>
    text.split(/[^\w%]+/).some((name) => effectOfVariable(name) === 'decides'),
  )
}

const SET_VARIABLES = [
  'read',
  'getopts',
  'let',
  'wait',
  'unset',
  'export',
  'declare',
  'typeset',
  'local',
  'readonly',
  'vared',
]

function joinedScript(words: readonly Word[]): Word {
  const plain = words[0]?.text === '--' ? words.slice(1) : words
  return {
    text: plain.map(({ text }) => text).join(' '),
    exact: plain.every(({ exact }) => exact),
    many: false,
  }
}

function trapScript(words: readonly Word[]): Word | string | undefined {
  const [script] = words[0]?.text === '--' ? words.slice(1) : words
  if (script === undefined || !script.exact) return 'what it runs later is computed'
  return script.text === '' || script.text === '-' ? undefined : script
}
