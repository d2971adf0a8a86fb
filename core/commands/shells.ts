import type { Word } from './word.ts'

/** Shells whose scripts are read as bash has them, and the others, whose scripts cannot be told. */
const READ_SHELLS = /^(?:(?:ba|da|a|k|mk|lk|pdk|rba|rk|ya|po)?sh|ksh93|bash-?[\d.]+|static-sh)$/
const OTHER_SHELLS =
  /^(?:zsh(?:-[\d.]+)?|rzsh|fish|t?csh|pwsh|powershell|nu|elvish|xonsh|rc|es|osh|oil|ysh|ion|murex|sash|scsh|hush|cling|zshbin)$/

/** Whether a program is a shell, and whether its scripts can be read. */
export function shellKind(program: string): 'read' | 'unread' | undefined {
  if (READ_SHELLS.test(program)) return 'read'
  return OTHER_SHELLS.test(program) ? 'unread' : undefined
}

/** How a shell was called: a script, a file, or its standard input. */
export interface ShellCall {
  readonly script?: Word | undefined
  readonly file?: Word | undefined
  /** CommandPlace of the word that says what runs. */
  readonly at: number
  /** Names of options that change what runs; such as a file that is read first. */
  readonly problem?: string
}

const LONG_FLAGS = [
  '--login',
  '--norc',
  '--noprofile',
  '--posix',
  '--verbose',
  '--restricted',
  '--noediting',
  '--debugger',
]
const LONG_VALUED = ['--rcfile', '--init-file']

/** Reads the words of a shell as POSIX and bash do. */
export function parseShellCall(words: readonly Word[]): ShellCall {
  let hasScript = false
  let readsInput = false
  let at = 1
  for (let word = words[at]; word !== undefined; word = words[at]) {
    if (!word.exact) return { at, problem: 'its options are not written out' }
    const { text } = word
    if (text === '--' || text === '-') {
      at += 1
      break
    }
    if (LONG_VALUED.includes(text)) return { at, problem: `it runs the file of ${text} first` }
    if (text.startsWith('--')) {
      if (!LONG_FLAGS.includes(text)) return { at, problem: `its option ${text} is not known` }
      at += 1
      continue
    }
    if (!/^[-+][A-Za-z]+$/.test(text)) break
    hasScript ||= text.startsWith('-') && text.includes('c')
    readsInput ||= text.startsWith('-') && text.includes('s')
    // Each o and O takes a word after this one.
    at += 1 + [...text].filter((letter) => letter === 'o' || letter === 'O').length
  }
  const operand = words[at]
  if (hasScript) {
    if (operand === undefined) return { at, problem: 'its script is missing' }
    return { at, script: operand }
  }
  return readsInput || operand === undefined ? { at: words.length } : { at, file: operand }
}
