/** Longest line that is followed; of a longer one only the length is known. */
export const TYPED_CHARACTERS_MAX = 64 * 1_024

const ESCAPE = '\x1b'
/** An escape sequence that is longer is none. */
const SEQUENCE_MAX = 16
const BLANK = /\s/
const PRINTABLE = /[\t\x20-\x7e\x80-\xff]/

/** What keys do in the line editors of shells (readline, and those of busybox, zsh and others alike). */
const KEYS: Readonly<Record<string, keyof typeof EDITS>> = {
  '\x01': 'home',
  '\x02': 'left',
  '\x05': 'end',
  '\x06': 'right',
  '\x0b': 'killRest',
  '\x19': 'yank',
  '\x1b[D': 'left',
  '\x1bOD': 'left',
  '\x1b[C': 'right',
  '\x1bOC': 'right',
  '\x1b[H': 'home',
  '\x1bOH': 'home',
  '\x1b[1~': 'home',
  '\x1b[F': 'end',
  '\x1bOF': 'end',
  '\x1b[4~': 'end',
  '\x1b[3~': 'remove',
  '\x1bb': 'wordLeft',
  '\x1bf': 'wordRight',
  '\x1bd': 'killWord',
  '\x1b\x7f': 'killWordBefore',
}

const EDITS = {
  home: (text: EditedText) => text.moveTo(0),
  end: (text: EditedText) => text.moveTo(text.length),
  left: (text: EditedText) => text.moveTo(text.at - 1),
  right: (text: EditedText) => text.moveTo(text.at + 1),
  wordLeft: (text: EditedText) => text.moveTo(text.wordBefore()),
  wordRight: (text: EditedText) => text.moveTo(text.wordAfter()),
  remove: (text: EditedText) => text.cut(text.at, text.at + 1),
  killRest: (text: EditedText) => text.kill(text.at, text.length),
  killWord: (text: EditedText) => text.kill(text.at, text.wordAfter()),
  killWordBefore: (text: EditedText) => text.kill(text.wordBefore(), text.at),
  yank: (text: EditedText) => text.yank(),
}

/** A line with a cursor in it. A character is the bytes of one code point in UTF-8. */
class EditedText {
  #letters: string[] = []
  #killed: string[] = []
  at = 0

  get length(): number {
    return this.#letters.length
  }

  get text(): string {
    return this.#letters.join('')
  }

  moveTo(at: number): void {
    this.at = Math.max(0, Math.min(at, this.length))
  }

  insert(byte: string): void {
    const isContinued = byte >= '\x80' && byte < '\xc0' && this.at > 0
    if (isContinued) this.#letters[this.at - 1] += byte
    else {
      this.#letters.splice(this.at, 0, byte)
      this.at += 1
    }
  }

  cut(from: number, to: number): void {
    this.#letters.splice(from, Math.max(0, to - from))
    this.moveTo(Math.min(from, this.length))
  }

  kill(from: number, to: number): void {
    this.#killed = this.#letters.slice(from, to)
    this.cut(from, to)
  }

  yank(): void {
    this.#letters.splice(this.at, 0, ...this.#killed)
    this.at += this.#killed.length
  }

  wordBefore(): number {
    let at = this.at
    while (at > 0 && BLANK.test(this.#letters[at - 1] ?? '')) at -= 1
    while (at > 0 && !BLANK.test(this.#letters[at - 1] ?? '')) at -= 1
    return at
  }

  wordAfter(): number {
    let { at } = this
    while (at < this.length && BLANK.test(this.#letters[at] ?? '')) at += 1
    while (at < this.length && !BLANK.test(this.#letters[at] ?? '')) at += 1
    return at
  }

  clear(): void {
    this.#letters = []
    this.at = 0
  }
}

/**
 * What was typed since the last line, as the line that a program gets: once as the line editor of a shell has it, and
 * once as a terminal without an editor has it, which knows backspace, Ctrl-U and Ctrl-W only. History, completion and
 * keys that were given another meaning cannot be seen.
 */
export class TypedText {
  readonly #edited = new EditedText()
  readonly #plain = new EditedText()
  #sequence = ''
  #isLiteral = false
  #length = 0

  /** Whether so much was typed that it is not followed any more. */
  get isTooLong(): boolean {
    return this.#length > TYPED_CHARACTERS_MAX
  }

  /** Both readings, as bytes in Latin-1; one where they are the same. */
  get readings(): readonly string[] {
    return [...new Set([this.#edited.text, this.#plain.text])]
  }

  /** Whether the next byte stands for itself, whatever it is. */
  get isLiteral(): boolean {
    return this.#isLiteral
  }

  /** Takes a byte, as a character of Latin-1. */
  type(byte: string): void {
    this.#length += 1
    if (this.isTooLong) return
    if (this.#isLiteral) {
      this.#isLiteral = false
      this.#insert(byte)
    } else if (this.#sequence !== '') this.#continueSequence(byte)
    else if (byte === ESCAPE) this.#sequence = byte
    else this.#key(byte)
  }

  /** The line is over, or thrown away. */
  clear(): void {
    this.#edited.clear()
    this.#plain.clear()
    this.#sequence = ''
    this.#isLiteral = false
    this.#length = 0
  }

  #key(byte: string): void {
    const edit = KEYS[byte]
    if (byte === '\x16') this.#isLiteral = true
    else if (byte === '\x03' || byte === '\x1c') this.clear()
    else if (byte === '\x7f' || byte === '\b') this.#both((text) => text.cut(text.at - 1, text.at))
    else if (byte === '\x15') this.#both((text) => text.kill(0, text.at))
    else if (byte === '\x17') this.#both((text) => text.kill(text.wordBefore(), text.at))
    else if (edit !== undefined) EDITS[edit](this.#edited)
    else if (PRINTABLE.test(byte)) this.#insert(byte)
  }

  #both(change: (text: EditedText) => void): void {
    for (const text of [this.#edited, this.#plain]) if (text.at > 0) change(text)
  }

  #insert(byte: string): void {
    this.#edited.insert(byte)
    this.#plain.insert(byte)
  }

  #continueSequence(byte: string): void {
    this.#sequence += byte
    const isOpen =
      this.#sequence.length < SEQUENCE_MAX && /^(?:O|\[[\d;?]*)$/.test(this.#sequence.slice(1))
    if (isOpen) return
    const edit = KEYS[this.#sequence]
    this.#sequence = ''
    if (edit !== undefined) EDITS[edit](this.#edited)
  }
}
