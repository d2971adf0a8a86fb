/* Ids of decisions are ULIDs: ten digits of time, in milliseconds, and sixteen of chance. */

/** Digits of a ULID, in their order. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const TIME_DIGITS = 10
/** The first digit holds three bits: a ULID has 128 of them. Source: github.com/ulid/spec. */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
/** 50 of the 80 bits: two pods with one lane are as good as none, and 30 bits are left within a millisecond. */
const LANE_DIGITS = 10
const LANE = /^[0-9A-HJKMNP-TV-Z]{10}$/
const OWN_DIGITS = 6

/** How many ids one lane has in a millisecond. */
export const IDS_PER_MS = 32 ** OWN_DIGITS

/** Whether a text is an id as Lanyard makes them: a ULID in capitals. */
export function isDecisionId(text: string): boolean {
  return ULID.test(text)
}

/** Whether a text can be a lane: the first ten of the sixteen digits of chance. */
export function isLane(text: string): boolean {
  return LANE.test(text)
}

/** The time in an id, in Unix milliseconds. */
export function decisionIdTimeMs(id: string): number {
  return [...id.slice(0, TIME_DIGITS)].reduce((ms, digit) => ms * 32 + DIGITS.indexOf(digit), 0)
}

/** Whether an id is in a lane. */
export function isInLane(id: string, lane: string): boolean {
  return id.startsWith(lane, TIME_DIGITS)
}

/** The lane that the first 50 bits of some bytes stand for; at least seven bytes are wanted. */
export function laneFromBytes(bytes: Uint8Array): string {
  let rest = bytes.subarray(0, 7).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n) >> 6n
  let lane = ''
  for (let digit = 0; digit < LANE_DIGITS; digit += 1) {
    lane = `${DIGITS[Number(rest % 32n)]}${lane}`
    rest /= 32n
  }
  return lane
}

/** The id number `own`, less than `IDS_PER_MS`, of a lane in a millisecond of Unix time. */
export function decisionIdIn(lane: string, unixMs: number, own: number): string {
  return `${toDigits(unixMs, TIME_DIGITS)}${lane}${toDigits(own, OWN_DIGITS)}`
}

function toDigits(number: number, length: number): string {
  let rest = number
  let text = ''
  for (let digit = 0; digit < length; digit += 1) {
    text = `${DIGITS[rest % 32]}${text}`
    rest = Math.floor(rest / 32)
  }
  return text
}
