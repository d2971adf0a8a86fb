import { createHash } from 'node:crypto'
import type { ExecAttributes, Shortened } from './exec-attributes.ts'
import type { RequestAttributes } from './request-attributes.ts'

/** Text of a command, and of its environment, that is kept: more than people type, less than a file. */
export const EXEC_TEXT_BYTES_MAX = 4_096
/** Texts that are kept of each: an empty one takes room as well. */
export const EXEC_TEXTS_MAX = 256

/**
 * What is kept of a request once it was judged: of a long command, and of a long environment, the
 * beginning, the number of all texts and their digest. Whatever fits stays as it is.
 */
export function shortenExec(attributes: RequestAttributes): RequestAttributes {
  const { exec } = attributes
  if (exec === undefined) return attributes
  const command = shorten(exec.command)
  const env = shorten(exec.env)
  if (command.shortened === undefined && env.shortened === undefined) return attributes
  const kept: ExecAttributes = {
    ...exec,
    command: command.texts,
    env: env.texts,
    ...(command.shortened === undefined ? {} : { commandShortened: command.shortened }),
    ...(env.shortened === undefined ? {} : { envShortened: env.shortened }),
  }
  return { ...attributes, exec: kept }
}

function shorten(texts: readonly string[]): {
  readonly texts: readonly string[]
  readonly shortened?: Shortened
} {
  const kept: string[] = []
  let left = EXEC_TEXT_BYTES_MAX
  for (const text of texts.slice(0, EXEC_TEXTS_MAX)) {
    const bytes = Buffer.from(text)
    if (bytes.length > left) {
      // A character that is cut through would be another one: it is left out.
      kept.push(
        bytes
          .subarray(0, left)
          .toString()
          .replace(/\uFFFD+$/, ''),
      )
      left = -1
      break
    }
    left -= bytes.length
    kept.push(text)
  }
  if (left >= 0 && kept.length === texts.length) return { texts }
  return { texts: kept, shortened: { count: texts.length, sha256: digestOf(texts) } }
}

/** As `printf '%s\0' ARGUMENTS | sha256sum` gives it. */
function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const text of texts) hash.update(text).update('\0')
  return hash.digest('hex')
}
