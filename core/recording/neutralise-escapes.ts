import { SAFE_SEQUENCES, type SequenceRules } from './safe-sequences.ts'

/** Longer parameters than any terminal takes; the sequence is taken out. */
const PARAMETERS_MAX = 128
/** A string that is longer, or holds the end of a line, is shown: nothing may hide what follows it. */
const STRING_MAX = 64 * 1_024

const ESC = '\x1b'
/** Most of every session. */
const PLAIN = /^[\x20-\x7e\t\r\n]*$/
/** CAN and SUB end a sequence. */
const ABORTS = '\x18\x1a'
/** Backspace, tab, the ends of lines and pages, carriage return, shift out and in. */
const CONTROLS = new Set('\b\t\n\v\f\r\x0e\x0f')
/** Controls that terminals obey within a sequence. */
const LINE_ENDS = new Set('\n\v\f\r')
/** Marks that turn the direction of writing round: a line could read as another one. */
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/

type SequenceState =
  | 'text'
  | 'escape'
  | 'intermediate'
  | 'control'
  | 'ignored'
  | 'string'
  | 'string escape'

/** What begins a string: DCS, SOS, OSC, PM, APC, and tmux's title. */
const STRINGS = new Set('PX]^_k')

/**
 * Text for a terminal without what is dangerous in it. Kept are text, colours, movement of the cursor, and
 * erasing (`safe-sequences.ts`); taken out are all other sequences, strings with what they hold, 8-bit
 * controls and ENQ. Pieces may end anywhere; what a sequence without an end holds is never written.
 */
export class EscapeNeutraliser {
  readonly #rules: SequenceRules
  #state: SequenceState = 'text'
  #held = ''
  #stringLength = 0
  #high = ''
  #removed = 0

  /** `rules` say which sequences pass; by default those that are safe. */
  constructor(rules: SequenceRules = SAFE_SEQUENCES) {
    this.#rules = rules
  }

  /** How many sequences and control characters were taken out. */
  get removed(): number {
    return this.#removed
  }

  /** What of the piece, and of what was held back before, may be written. */
  push(piece: string): string {
    if (this.#state === 'text' && this.#high === '' && PLAIN.test(piece)) return piece
    let out = ''
    for (let at = 0; at < piece.length; at += 1) out += this.#take(piece.charAt(at))
    return out
  }

  #take(unit: string): string {
    switch (this.#state) {
      case 'text':
        return this.#text(unit)
      case 'escape':
        return this.#escape(unit)
      case 'intermediate':
      case 'control':
      case 'ignored':
        return this.#sequence(unit)
      case 'string':
      case 'string escape':
        return this.#string(unit)
      default:
        return this.#state satisfies never
    }
  }

  #text(unit: string): string {
    const code = unit.charCodeAt(0)
    const high = this.#high
    this.#high = ''
    // Half of a surrogate pair waits for the other, and becomes U+FFFD without it.
    if (code >= 0xdc00 && code <= 0xdfff) return high === '' ? '\ufffd' : high + unit
    const before = high === '' ? '' : '\ufffd'
    if (code >= 0xd800 && code <= 0xdbff) {
      this.#high = unit
      return before
    }
    return before + this.#plain(unit, code)
  }

  #plain(unit: string, code: number): string {
    if (unit === ESC) {
      this.#begin('escape')
      return ''
    }
    const isControl = code < 0x20 || (code >= 0x7f && code <= 0x9f)
    if (!isControl) return DIRECTIONS.test(unit) ? '\ufffd' : unit
    if (CONTROLS.has(unit)) return unit
    this.#removed += 1
    return ''
  }

  #begin(state: SequenceState): void {
    this.#state = state
    this.#held = ''
    this.#stringLength = 0
  }

  #drop(): string {
    this.#removed += 1
    this.#begin('text')
    return ''
  }

  #escape(unit: string): string {
    if (unit === '[') {
      this.#begin('control')
      return ''
    }
    if (STRINGS.has(unit)) {
      this.#begin('string')
      return ''
    }
    if (isIntermediate(unit)) {
      this.#begin('intermediate')
      this.#held = unit
      return ''
    }
    return this.#interrupted(unit) ?? this.#finish(this.#rules.escape(unit), `${ESC}${unit}`)
  }

  /** The rest of an escape sequence with an intermediate byte, or of a control sequence. */
  #sequence(unit: string): string {
    const interrupted = this.#interrupted(unit)
    if (interrupted !== undefined) return interrupted
    const held = this.#held
    const isFinal = unit >= (this.#state === 'intermediate' ? '0' : '@') && unit <= '~'
    if (!isFinal) {
      if (held.length >= PARAMETERS_MAX) this.#state = 'ignored'
      else this.#held += unit
      return ''
    }
    if (this.#state === 'intermediate') {
      return this.#finish(this.#rules.escape(held + unit), `${ESC}${held}${unit}`)
    }
    const safe = this.#state === 'control' && this.#rules.control(held, unit)
    return this.#finish(safe, `${ESC}[${held}${unit}`)
  }

  #finish(safe: boolean, sequence: string): string {
    if (!safe) return this.#drop()
    this.#begin('text')
    return sequence
  }

  /** What ends a sequence before its end, or is obeyed within it; undefined for what belongs to it. */
  #interrupted(unit: string): string | undefined {
    if (unit === ESC) {
      this.#removed += 1
      this.#begin('escape')
      return ''
    }
    if (LINE_ENDS.has(unit)) return this.#drop() + unit
    if (ABORTS.includes(unit)) return this.#drop()
    // Whatever else cannot stand in a sequence: it was none, and text after it is shown.
    if (unit < ' ' || unit > '~') return this.#drop() + this.#text(unit)
    return undefined
  }

  #string(unit: string): string {
    if (this.#state === 'string escape') {
      // ESC and a backslash end a string; ESC and another byte begin a sequence.
      if (unit === '\\') return this.#drop()
      this.#removed += 1
      this.#begin('escape')
      return this.#escape(unit)
    }
    if (unit === ESC) {
      this.#state = 'string escape'
      return ''
    }
    if (unit === '\x07' || unit === '\x9c' || ABORTS.includes(unit)) return this.#drop()
    if (LINE_ENDS.has(unit)) return this.#drop() + unit
    this.#stringLength += 1
    return this.#stringLength > STRING_MAX ? this.#drop() : ''
  }
}

function isIntermediate(unit: string): boolean {
  return unit >= ' ' && unit <= '/'
}
