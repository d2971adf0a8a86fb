import type { LineVerdict } from './session-recorder.ts'
import { TYPED_CHARACTERS_MAX, TypedText } from './typed-text.ts'

export interface LineGateOptions {
  /** Whether the command has a terminal, which shows what is typed before the line is whole. */
  readonly isTerminal: boolean
  readonly judge: (line: Buffer) => Promise<LineVerdict>
  /** A line was stopped, for this reason. */
  readonly onStopped: (reason: string) => void
}

const TOO_LONG: LineVerdict = {
  passes: false,
  reason: `a line of over ${TYPED_CHARACTERS_MAX / 1_024} KiB cannot be judged; use kubectl cp for files`,
}
const PASSES: LineVerdict = { passes: true, reason: '' }
/** Wipes what stands in a line: to its end, then to its begin. A terminal without an editor obeys the second alone. */
const WIPE = Buffer.from('\x0b\x15', 'latin1')
const CR = 0x0d
const LF = 0x0a
/** Ends a line for a program that has no line editor, or ends its input. */
const END_OF_FILE = 0x04
/** Takes a line as Enter does, in bash. */
const OPERATE = 0x0f

/** Lets typed bytes pass, a line only after it was judged. Bytes must be passed one call after the other. */
export interface LineGate {
  pass(bytes: Buffer): AsyncGenerator<Buffer>
  /** Nothing more is typed: what is left is a line. */
  end(): AsyncGenerator<Buffer>
}

/** The gate of a session's input. */
export function openLineGate(options: LineGateOptions): LineGate {
  return options.isTerminal ? new TerminalGate(options) : new StreamGate(options)
}

/** Keys pass as they are typed, so that they are seen; what ends a line passes once the line was judged. */
class TerminalGate implements LineGate {
  readonly #options: LineGateOptions
  readonly #text = new TypedText()

  constructor(options: LineGateOptions) {
    this.#options = options
  }

  async *pass(bytes: Buffer): AsyncGenerator<Buffer> {
    let from = 0
    for (const [at, byte] of bytes.entries()) {
      if (!this.#endsLine(byte)) {
        this.#text.type(String.fromCharCode(byte))
        continue
      }
      if (at > from) yield bytes.subarray(from, at)
      from = at
      const { passes, reason } = await this.#judge()
      // In a line editor, and for a program that reads on, what was typed before is still the line.
      if (passes && byte === END_OF_FILE) continue
      this.#text.clear()
      if (passes) continue
      from = at + 1
      yield WIPE
      this.#options.onStopped(reason)
    }
    if (from < bytes.length) yield bytes.subarray(from)
  }

  async *end(): AsyncGenerator<Buffer> {}

  #endsLine(byte: number): boolean {
    if (byte === CR || byte === LF) return true
    return !this.#text.isLiteral && (byte === OPERATE || byte === END_OF_FILE)
  }

  async #judge(): Promise<LineVerdict> {
    if (this.#text.isTooLong) return TOO_LONG
    for (const reading of this.#text.readings) {
      const verdict = await judgeLine(Buffer.from(reading, 'latin1'), this.#options)
      if (!verdict.passes) return verdict
    }
    return PASSES
  }
}

/** Without a terminal nobody waits for an echo: each line is held back until it was judged. A stopped line is not sent. */
class StreamGate implements LineGate {
  readonly #options: LineGateOptions
  #held: Buffer[] = []
  #heldBytes = 0

  constructor(options: LineGateOptions) {
    this.#options = options
  }

  async *pass(bytes: Buffer): AsyncGenerator<Buffer> {
    let from = 0
    for (const [at, byte] of bytes.entries()) {
      if (byte !== LF && byte !== CR) continue
      this.#hold(bytes.subarray(from, at))
      from = at + 1
      yield* this.#release(Buffer.from([byte]))
    }
    this.#hold(bytes.subarray(from))
  }

  async *end(): AsyncGenerator<Buffer> {
    yield* this.#release(Buffer.alloc(0))
  }

  #hold(bytes: Buffer): void {
    this.#heldBytes += bytes.length
    if (this.#heldBytes > TYPED_CHARACTERS_MAX) this.#held = []
    else if (bytes.length > 0) this.#held.push(Buffer.from(bytes))
  }

  async *#release(ending: Buffer): AsyncGenerator<Buffer> {
    const isTooLong = this.#heldBytes > TYPED_CHARACTERS_MAX
    const line = Buffer.concat(this.#held)
    this.#held = []
    this.#heldBytes = 0
    const { passes, reason } = isTooLong ? TOO_LONG : await judgeLine(line, this.#options)
    if (!passes) this.#options.onStopped(reason)
    else if (line.length + ending.length > 0) yield Buffer.concat([line, ending])
  }
}

/** Of nothing but blanks, nothing is asked. */
async function judgeLine(line: Buffer, { judge }: LineGateOptions): Promise<LineVerdict> {
  return line.every((byte) => byte === 0x20 || byte === 0x09) ? PASSES : judge(line)
}
