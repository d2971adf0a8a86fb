const RUN = /[A-Za-z0-9+/=]+/g
/** A line that is base64 and what quotes, indents and joins lines in programs. */
const ALONE = /^[\s"'`+.|>#*/\\-]*?([A-Za-z0-9+/=]+)(?:\\[nr])*["'`]?[\s+,;.\\)]*$/
const HEADER = /^[\s"'`]*(?:[A-Za-z][A-Za-z0-9-]{1,63}: .*|)(?:\\[nr])*["'`]?[\s+,;.\\]*$/
const LAST = '-----END '
/** Longer runs are base64 wherever they stand, as behind the time of a line of a log. */
const RUN_MIN = 32
/** More of a key is not kept to make its token. */
const VALUE_MAX = 64 * 1024

interface PemOutput {
  readonly output: string
  /** Whether the key has ended, here or before. */
  readonly isDone: boolean
  /** How much of the line was the key's. */
  readonly used: number
}

/** Reads the lines of a private key behind its first one. One token stands for all that is inside. */
export class PemLines {
  readonly #tokenOf: (value: Uint8Array) => string
  readonly #unknown: string
  /** Words before the key on its first line, as a time; its other lines have as many. */
  readonly #wordsBefore: number
  #value = ''
  /** What stands around the first line's base64. */
  #around: readonly [string, string] | undefined
  #isTold = false
  #isFirst = true

  /** `line` is what was written of the line on which the key begins, its dashes included. */
  constructor(line: string, tokenOf: (value: Uint8Array) => string, unknown: string) {
    this.#wordsBefore = wordsOf(line.slice(0, Math.max(0, line.indexOf('-----')))).length
    this.#tokenOf = tokenOf
    this.#unknown = unknown
  }

  /** Whether a token waits for the end of the key. */
  get isWaiting(): boolean {
    return this.#around !== undefined && !this.#isTold
  }

  /** Whether anything was hidden. */
  get isHidden(): boolean {
    return this.#around !== undefined
  }

  /** What goes on of a line, which may have come in part. */
  push(line: string): PemOutput {
    const last = line.indexOf(LAST)
    if (last >= 0) {
      const rest = this.#take(line.slice(0, last)) ?? line.slice(0, last)
      return { output: this.#tell() + rest, isDone: true, used: last }
    }
    const rest = this.#take(line)
    if (rest === undefined) return { output: this.#tell(), isDone: true, used: 0 }
    const isLong = this.#value.length > VALUE_MAX
    return { output: (isLong ? this.#tellUnknown() : '') + rest, isDone: false, used: line.length }
  }

  /** What goes on when the rest of the key has not come in time, or does not come. */
  release(isEnd: boolean): string {
    if (!this.isWaiting) return ''
    return isEnd ? this.#tell() : this.#tellUnknown()
  }

  /** Takes the key's part of a line; returns what stays of it, undefined when it is no line of a key. */
  #take(line: string): string | undefined {
    const isFirst = this.#isFirst
    this.#isFirst = false
    const found = runOf(line, this.#wordsBefore)
    if (found === undefined)
      return (isFirst && line.trim() === '') || HEADER.test(line) ? line : undefined
    const [start, end] = found
    this.#value += line.slice(start, end)
    if (this.#around === undefined) this.#around = [line.slice(0, start), line.slice(end)]
    return ''
  }

  #tell(): string {
    if (!this.isWaiting) return ''
    return this.#write(this.#tokenOf(Buffer.from(this.#value, 'latin1')))
  }

  #tellUnknown(): string {
    return this.isWaiting ? this.#write(this.#unknown) : ''
  }

  #write(token: string): string {
    this.#isTold = true
    this.#value = ''
    const [before, behind] = this.#around ?? ['', '']
    return before + token + behind
  }
}

/** Where the base64 of a line of a key stands. */
function runOf(line: string, wordsBefore: number): readonly [number, number] | undefined {
  const alone = ALONE.exec(line)?.[1]
  if (alone !== undefined) return [line.lastIndexOf(alone), line.lastIndexOf(alone) + alone.length]
  let longest: readonly [number, number] = [0, 0]
  for (const { 0: run, index } of line.matchAll(RUN))
    if (run.length > longest[1] - longest[0]) longest = [index, index + run.length]
  if (longest[1] - longest[0] >= RUN_MIN) return longest
  const words = wordsOf(line)
  const last = words.at(-1) ?? ''
  if (wordsBefore === 0 || words.length !== wordsBefore + 1 || !/^[A-Za-z0-9+/=]+$/.test(last))
    return undefined
  const start = line.lastIndexOf(last)
  return [start, start + last.length]
}

function wordsOf(line: string): readonly string[] {
  return line.split(/\s+/).filter((word) => word !== '')
}
