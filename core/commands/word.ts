/** One word of a command line, as far as it is known before the command runs. */
export interface Word {
  /** The word itself where `exact`; otherwise what of it is written. */
  readonly text: string
  /** Whether the program gets exactly this text. */
  readonly exact: boolean
  /** Whether it may become no word, or several: an unquoted variable, a glob. */
  readonly many: boolean
}

/** A word that is known. */
export function exactWord(text: string): Word {
  return { text, exact: true, many: false }
}

/** The words of a list that is written as one text. */
export function splitList(text: string): readonly string[] {
  return text.split(' ').filter((word) => word !== '')
}

/** Some words that are not known, such as those that xargs reads. */
export const UNKNOWN_WORDS: Word = { text: '…', exact: false, many: true }

/** The words as a person would type them, cut after `charactersMax`. */
export function quoteWords(words: readonly Word[], charactersMax = 120): string {
  const whole = words.map(({ text }) => (/^[\w./:=@%+,-]+$/.test(text) ? text : quote(text)))
  const line = whole.join(' ')
  return line.length <= charactersMax ? line : `${line.slice(0, charactersMax - 1)}…`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** The last part of a path, in small letters: what a denied program is known by. */
export function programName(text: string): string {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.')
  return (parts.at(-1) ?? '').toLowerCase()
}

const PROGRAM_FOLDERS = /^(?:\/usr)?(?:\/local)?\/s?bin$/

/**
 * The name of a program that is written by itself or in a folder where systems have programs; undefined for
 * one in any other place, which may be a different program of the same name.
 */
export function installedProgram(text: string): string | undefined {
  const slash = text.lastIndexOf('/')
  if (slash === -1) return text
  return PROGRAM_FOLDERS.test(text.slice(0, slash)) ? text.slice(slash + 1) : undefined
}

/** Whether a path is one where anybody may write, or that stands for another file. */
export function isUnsettledPath(text: string): boolean {
  const parts: string[] = []
  for (const part of text.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  const path = `/${parts.join('/')}`
  return text.includes('/') && /^\/(?:(?:usr\/|var\/)?tmp|var\/run|dev|proc|run)(?:\/|$)/.test(path)
}
