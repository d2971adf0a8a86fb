import { Fault } from '../fault.ts'
import { CAST_CODES, type CastEvent, type CastVersion, TERMINAL_SIDE_MAX } from './asciicast.ts'
import { parseJsonLine } from './parse-json-line.ts'

const WANT = 'an event is [SECONDS, CODE, TEXT]'
const SIZE = /^(\d{1,5})x(\d{1,5})$/
const EXIT = /^-?\d{1,10}$/
/** A code is one character; a character of a script or an emoji can be several units. */
const CODE_UNITS_MAX = 16

/**
 * Parses the line of one event. `lastUs` is the time of the event before: intervals of version 3 are added
 * to it, and a time of version 2 that is earlier, as of recorders whose clock went back, becomes it.
 * Throws `request_invalid`, saying what is wrong.
 */
export function parseCastEvent(line: string, version: CastVersion, lastUs: number): CastEvent {
  const fields = parseJsonLine(line, WANT)
  if (!Array.isArray(fields) || fields.length !== 3) throw invalid(`want ${WANT}`)
  const [seconds, code, data] = fields as readonly unknown[]
  if (typeof seconds !== 'number' || seconds < 0) {
    throw invalid('the time is not a number of seconds from 0')
  }
  const us = Math.round(seconds * 1_000_000)
  const atUs = version === 3 ? lastUs + us : Math.max(lastUs, us)
  if (!Number.isSafeInteger(atUs)) throw invalid('the time is too far from the beginning')
  if (typeof code !== 'string' || code === '' || code.length > CODE_UNITS_MAX) {
    throw invalid('the code is not one character')
  }
  if (typeof data !== 'string') throw invalid('the text of the event is not text')
  const text = data.toWellFormed()
  if (code === CAST_CODES.resize) parseSize(text)
  if (code === CAST_CODES.exit && version === 3 && !EXIT.test(text)) {
    throw invalid('the exit code is not a number')
  }
  return { atUs, code: code.toWellFormed(), text }
}

/** Parses the text of a resize event, `COLUMNSxROWS`. Throws `request_invalid`. */
export function parseSize(text: string): { readonly columns: number; readonly rows: number } {
  const [, columns = '', rows = ''] = SIZE.exec(text) ?? []
  if (columns === '' || Number(columns) > TERMINAL_SIDE_MAX || Number(rows) > TERMINAL_SIDE_MAX) {
    throw invalid('the size of a resize event is not COLUMNSxROWS')
  }
  return { columns: Number(columns), rows: Number(rows) }
}

function invalid(why: string): Fault {
  return new Fault('request_invalid', why)
}
