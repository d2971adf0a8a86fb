import { Fault } from '../../core/fault.ts'

/** Digits of a ULID, in their order. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ID_LENGTH = 26
/** The first ten digits are the time in milliseconds. */
const TIME_DIGITS = 10

/** Shortest beginning of an id that is looked up: decisions of 33 seconds share seven digits. */
const PREFIX_LENGTH_MIN = 7

/** A whole id in lower case, or its beginning. */
export interface DecisionId {
  readonly name: string
  readonly whole: boolean
}

/** Reads an id or its beginning, in either case. Throws `request_invalid`. */
export function parseDecisionId(text: string): DecisionId {
  const id = text.toUpperCase()
  if (![...id].every((digit) => DIGITS.includes(digit)) || id.length > ID_LENGTH) {
    throw new Fault(
      'request_invalid',
      `${JSON.stringify(text)} is not the id of a decision: want ${ID_LENGTH} letters and digits, as in the message of a refusal`,
    )
  }
  if (id.length < PREFIX_LENGTH_MIN) {
    throw new Fault(
      'request_invalid',
      `${JSON.stringify(text)} is too short: want at least the first ${PREFIX_LENGTH_MIN} characters of the id`,
    )
  }
  return { name: id.toLowerCase(), whole: id.length === ID_LENGTH }
}

/** The name of a decision, by its whole id in either case. Throws `request_invalid`. */
export function parseWholeId(text: string): string {
  const { name, whole } = parseDecisionId(text)
  if (whole) return name
  throw new Fault(
    'request_invalid',
    `${JSON.stringify(text)} is no whole id: want ${ID_LENGTH} characters`,
  )
}

/** Whether a text is a whole id, in either case. */
export function isWholeId(text: string): boolean {
  const id = text.toUpperCase()
  return id.length === ID_LENGTH && [...id].every((digit) => DIGITS.includes(digit))
}

/** Earliest time, in Unix milliseconds, of a decision whose id begins so. */
export function earliestTimeMs(prefix: string): number {
  return timeOf(prefix, '0')
}

/** Latest time, in Unix milliseconds, of a decision whose id begins so. */
export function latestTimeMs(prefix: string): number {
  return timeOf(prefix, 'Z')
}

function timeOf(prefix: string, filling: string): number {
  const digits = prefix.toUpperCase().slice(0, TIME_DIGITS).padEnd(TIME_DIGITS, filling)
  return [...digits].reduce((time, digit) => time * 32 + DIGITS.indexOf(digit), 0)
}
