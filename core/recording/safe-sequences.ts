/*
 * The control sequences that a replay passes on. Everything that is not here is taken out: what asks the
 * terminal to answer (its answer would be typed into the reader's shell), what reaches outside the screen
 * (clipboard, title, printer, window), and what changes how the reader's keys and mouse are sent.
 * Names and numbers as in https://invisible-island.net/xterm/ctlseqs/ctlseqs.html.
 */

/** Moves, erases, inserts and deletes: final bytes of CSI that need no private mark. */
const SCREEN = new Set('@ABCDEFGHIJKLMPXZ`adefmr')
/** Restores or saves the cursor, scrolls: only with so many parameters; with others they mean other things. */
const PARAMETERS_MAX: Readonly<Record<string, number>> = { s: 0, u: 0, S: 1, T: 1 }
/** Autowrap, visible cursor, alternate screens. */
const PRIVATE_MODES = new Set(['7', '25', '47', '1047', '1048', '1049'])
/** Insert mode. */
const MODES = new Set(['4'])
/** Erases lines or the screen, also without marks of protection (`CSI ? J`). */
const PRIVATE_SCREEN = new Set('JK')

/** Save and restore the cursor, index, next line, tab stop, reverse index. */
const ESCAPES = new Set('78DEHM')
/** ASCII, British and line-drawing characters, for G0 and G1. */
const CHARSETS = new Set(['(0', '(A', '(B', ')0', ')A', ')B'])

/** More than a screen has; some terminals repeat what they are told as often as they are told. */
const NUMBER_DIGITS_MAX = 5

/** Which sequences may pass. */
export interface SequenceRules {
  /** A control sequence (CSI): `parameters` as sent, with a private mark if there is one. */
  control(parameters: string, final: string): boolean
  /** An escape sequence of one byte, such as `7`, or of intermediate bytes and a final one, such as `(0`. */
  escape(sequence: string): boolean
}

function isSafeControl(parameters: string, final: string): boolean {
  const isPrivate = parameters.startsWith('?')
  const numbers = (isPrivate ? parameters.slice(1) : parameters).split(/[;:]/)
  if (!numbers.every((number) => /^\d*$/.test(number) && number.length <= NUMBER_DIGITS_MAX)) {
    return false
  }
  if (final === 'h' || final === 'l') {
    const modes = isPrivate ? PRIVATE_MODES : MODES
    return numbers.every((number) => modes.has(number))
  }
  if (isPrivate) return PRIVATE_SCREEN.has(final)
  const most = PARAMETERS_MAX[final]
  if (most === undefined) return SCREEN.has(final)
  return (parameters === '' ? 0 : numbers.length) <= most
}

/** What a replay passes on. */
export const SAFE_SEQUENCES: SequenceRules = {
  control: isSafeControl,
  escape: (sequence) => ESCAPES.has(sequence) || CHARSETS.has(sequence),
}

/** What a search in the text passes on. */
export const NO_SEQUENCES: SequenceRules = { control: () => false, escape: () => false }
