import type { HiddenPart } from './assignment.ts'
import type { CredentialScanner, Found, Hits } from './credential-scanner.ts'
import { MaskCounts, type MaskWords } from './mask-words.ts'
import { PEM_RULE } from './pem-block.ts'
import { PemLines } from './pem-lines.ts'
import { pemOf, scanShown, withOpen } from './scan-shown.ts'
import { hasSequences, sequencesOf, toPlainText } from './terminal-text.ts'

/** Most that is kept back of a line. */
export const HELD_BYTES_MAX = 64 * 1024
/** Longest that a byte is kept back: a prompt has no end of line. */
export const HELD_MS_MAX = 100
/** Of a line that is longer than what is kept back, this much waits for what follows. */
const OVERLAP = 1_024
/** What is remembered of the part of a line that has gone on. */
const CONTEXT_MAX = 4_096
const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
const ESCAPE = 0x1b

/**
 * Hides credentials in a stream of text, line by line: logs, or what a terminal shows. What is kept back goes on after
 * `HELD_BYTES_MAX` bytes or `HELD_MS_MAX` milliseconds; what could be the beginning of a credential then becomes a token,
 * and the rest of it goes nowhere. Bytes that are no UTF-8 pass as they are.
 */
export class TextMasker {
  readonly #scanner: CredentialScanner
  readonly #words: MaskWords
  readonly counts = new MaskCounts()
  #parts: Buffer[] = []
  #heldBytes = 0
  #since = 0
  /** The part of the line that has gone on, each character a byte. */
  #context = ''
  /** Whether the context ends within a value of which a token has gone on. */
  #isTold = false
  #pem: PemLines | undefined
  #out: Buffer[] = []

  constructor(scanner: CredentialScanner, words: MaskWords) {
    this.#scanner = scanner
    this.#words = words
  }

  /** When `flush` is due, in the milliseconds of the clock that `push` is given; undefined while nothing is kept back. */
  get dueMs(): number | undefined {
    return this.#heldBytes === 0 && this.#pem?.isWaiting !== true
      ? undefined
      : this.#since + HELD_MS_MAX
  }

  /** What goes on of bytes that came at `nowMs`, and of those before. */
  push(chunk: Uint8Array, nowMs: number): Buffer {
    if (this.dueMs === undefined) this.#since = nowMs
    this.#parts.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    this.#heldBytes += chunk.length
    if (chunk.includes(NEWLINE) || this.#heldBytes >= HELD_BYTES_MAX) this.#settle()
    // A copy: the chunk belongs to whoever gave it, and may be used again.
    else this.#parts[this.#parts.length - 1] = Buffer.from(chunk)
    if (this.#out.length > 0) this.#since = nowMs
    return this.#take()
  }

  /** What goes on of all that is kept back, when it is due. */
  flush(nowMs: number): Buffer {
    const due = this.dueMs
    if (due === undefined || nowMs < due) return Buffer.alloc(0)
    this.#release()
    return this.#take()
  }

  /** What is left at the end. */
  end(): Buffer {
    this.#release(true)
    return this.#take()
  }

  #take(): Buffer {
    const out = this.#out
    this.#out = []
    return out.length === 1 ? (out[0] ?? Buffer.alloc(0)) : Buffer.concat(out)
  }

  #join(): Buffer {
    const [only] = this.#parts
    const all = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts)
    this.#parts = []
    return all
  }

  #keep(rest: Buffer): void {
    if (rest.length > 0) this.#parts = [Buffer.from(rest)]
    this.#heldBytes = rest.length
  }

  /** Lets go of whole lines, and of lines that are too long to be kept back. */
  #settle(): void {
    let left = this.#join()
    for (;;) {
      const window = left.subarray(0, HELD_BYTES_MAX)
      const lines = window.lastIndexOf(NEWLINE) + 1
      if (lines === 0 && left.length < HELD_BYTES_MAX) break
      const used = lines > 0 ? this.#lines(left.subarray(0, lines)) : this.#longLine(window)
      left = left.subarray(used)
      if (used === 0) break
    }
    this.#keep(left)
  }

  #release(isEnd = false): void {
    this.#settle()
    let left = this.#join()
    while (left.length > 0) {
      const used = this.#piece(left, isEnd)
      left = left.subarray(used)
    }
    this.#keep(left)
    const told = this.#pem?.release(isEnd)
    if (told !== undefined) this.#write(told)
    if (isEnd) this.#pem = undefined
  }

  /** Whole lines; returns how many of their bytes are done. */
  #lines(bytes: Buffer): number {
    if (this.#pem !== undefined) return this.#pemLine(bytes.subarray(0, bytes.indexOf(NEWLINE) + 1))
    const read = this.#read(bytes)
    if (read === undefined) {
      this.#out.push(bytes)
      return bytes.length
    }
    const { text, found } = read
    const pem = pemOf(text, found)
    const begun = this.#context.length
    if (pem !== undefined) return this.#beginPem(text, found, pem.start)
    // The value of a name may be on the line that comes.
    const open = found.open?.from
    const to = open === undefined ? text.length : text.lastIndexOf('\n', open) + 1
    const isLong = text.length - to > OVERLAP
    const cut =
      to > begun && !isLong
        ? to
        : to <= begun && open !== undefined && !isLong
          ? begun
          : text.length
    this.#emit(text, found.findings, begun, cut)
    if (cut > begun || text.length === cut) this.#forget()
    return cut - begun
  }

  #pemLine(line: Buffer): number {
    const pem = this.#pem
    if (pem === undefined) return 0
    const { output, isDone, used } = pem.push(line.toString('latin1'))
    this.#write(output)
    if (isDone) {
      this.#pem = undefined
      if (pem.isHidden) this.counts.add(PEM_RULE)
    }
    return used
  }

  #beginPem(text: string, found: Found, from: number): number {
    const begun = this.#context.length
    const at = Math.max(begun, from)
    this.#emit(
      text,
      found.findings.filter(({ end }) => end <= from),
      begun,
      at,
    )
    const line = text.slice(text.lastIndexOf('\n', from - 1) + 1, from)
    this.#pem = new PemLines(line, (value) => this.#words.tokenOf(value), this.#words.unknown)
    this.#forget()
    return at - begun
  }

  /** A piece of a line that is longer than what is kept back; returns how many bytes are done. */
  #longLine(window: Buffer): number {
    if (this.#pem !== undefined) return this.#pemLine(window)
    const { text, found } = this.#read(window) ?? { text: undefined, found: undefined }
    if (text === undefined) {
      const cut = window.length - OVERLAP
      this.#out.push(window.subarray(0, cut))
      this.#remember(window.subarray(0, cut).toString('latin1'))
      return cut
    }
    const begun = this.#context.length
    let cut = text.length - OVERLAP
    const open = found.open?.from ?? found.pem?.from
    if (open !== undefined && open < cut) cut = open
    const over = found.findings.find(({ start, end }) => start < cut && end > cut)
    if (over !== undefined) cut = over.start
    // One value takes all of the room.
    if (cut <= begun) return this.#piece(window, false)
    this.#emit(text, found.findings, begun, cut)
    this.#isTold = false
    this.#context = text.slice(Math.max(0, cut - OVERLAP), cut)
    return cut - begun
  }

  /** A piece of a line whose rest may take long; returns how many bytes are done. */
  #piece(bytes: Buffer, isEnd: boolean): number {
    if (this.#pem !== undefined) return this.#pemLine(bytes)
    const read = this.#read(bytes)
    if (read === undefined) {
      this.#out.push(bytes)
      this.#remember(bytes.toString('latin1'))
      return bytes.length
    }
    const { text, found } = read
    const pem = pemOf(text, found)
    if (pem !== undefined) return this.#beginPem(text, found, pem.start)
    const begun = this.#context.length
    const hidden = isEnd ? undefined : found.open?.hidden
    const findings = hidden === undefined ? found.findings : withOpen(found.findings, hidden)
    this.#emit(text, findings, begun, text.length, hidden)
    const last = findings.at(-1)
    this.#isTold = last !== undefined && last.end >= text.length
    this.#keepContext(text, this.#isTold ? last?.start : undefined, found.open?.from)
    return text.length - begun
  }

  #keepContext(text: string, told: number | undefined, open: number | undefined): void {
    const line = text.lastIndexOf('\n') + 1
    const from = Math.max(
      line,
      Math.min(text.length - OVERLAP, open ?? text.length, (told ?? text.length) - 64),
    )
    // Of a value without end, its beginning says what it is.
    const context = text.slice(Math.max(0, from))
    this.#context = context.length > CONTEXT_MAX ? context.slice(0, CONTEXT_MAX) : context
  }

  #remember(text: string): void {
    const line = (this.#context + text).slice(-OVERLAP)
    this.#context = line.slice(line.lastIndexOf('\n') + 1)
    this.#isTold = false
  }

  #forget(): void {
    this.#context = ''
    this.#isTold = false
  }

  /** What stands in bytes behind the context; undefined when they hold nothing to look at. */
  #read(bytes: Buffer): { readonly text: string; readonly found: Found } | undefined {
    const isFresh = this.#context === ''
    if (
      isFresh &&
      !bytes.includes(ESCAPE) &&
      !bytes.includes(0) &&
      !this.#scanner.looksEverywhere
    ) {
      const hits: Hits = { keywords: [], ends: [] }
      this.#scanner.automaton.readBytes(bytes, (keyword, end) => {
        hits.keywords.push(keyword)
        hits.ends.push(end)
      })
      if (hits.ends.length === 0 && !bytes.includes(CARRIAGE_RETURN)) return undefined
      const text = bytes.toString('latin1')
      if (!hasSequences(text)) return { text, found: this.#scanner.scanHits(text, hits) }
    }
    const text = this.#context + bytes.toString('latin1')
    return { text, found: scanShown(this.#scanner, text) }
  }

  /** Writes a part of a text with tokens in the place of findings; `open` is one of them that has not ended. */
  #emit(
    text: string,
    findings: readonly HiddenPart[],
    from: number,
    to: number,
    open?: HiddenPart,
  ): void {
    let at = from
    for (const finding of findings) {
      if (finding.end <= from || finding.start >= to) continue
      const start = Math.max(from, finding.start)
      this.#write(text.slice(at, start))
      const isTold = finding.start < from && this.#isTold
      if (!isTold) this.#write(this.#token(text, finding, finding === open || finding.start < from))
      this.#write(sequencesOf(text.slice(start, finding.end)))
      at = finding.end
    }
    if (to > at) this.#write(text.slice(at, to))
  }

  #token(text: string, { rule, start, end }: HiddenPart, isPart: boolean): string {
    this.counts.add(rule)
    if (isPart) return this.#words.unknown
    const value = text.slice(start, end)
    const shown = hasSequences(value) ? toPlainText(value).plain : value
    return this.#words.tokenOf(Buffer.from(shown, 'latin1'))
  }

  #write(text: string): void {
    if (text !== '') this.#out.push(Buffer.from(text, 'latin1'))
  }
}
