import { Fault } from '../fault.ts'

/* JSON as bytes. Source: RFC 8259. */

export const ESCAPED_CHARACTERS_MIN = 0x20

/** A value that is no string, object or list, when it is whole. */
export const WORD = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/

/** Longest number that is taken, in digits. */
export const WORD_BYTES_MAX = 1_024

/** Between tokens. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** Letters of numbers, true, false and null. */
export function isWord(byte: number): boolean {
  const isDigit = byte >= 0x30 && byte <= 0x39
  const isLetter = (byte >= 0x61 && byte <= 0x7a) || byte === 0x45
  return isDigit || isLetter || byte === 0x2d || byte === 0x2b || byte === 0x2e
}

/** What is written in parts that may be cut anywhere. */
export function joined(parts: readonly Uint8Array[]): string {
  const [first, second] = parts
  if (first === undefined || second !== undefined) return Buffer.concat(parts).toString('utf8')
  return Buffer.from(first.buffer, first.byteOffset, first.length).toString('utf8')
}

/** The text of a string as it is written. Throws `upstream_failed` for one that is not well formed. */
export function parseText(written: string): string {
  if (!written.includes('\\')) return written.slice(1, -1)
  try {
    return String(JSON.parse(written))
  } catch (cause) {
    throw invalid('a string is not well formed', cause)
  }
}

/** A string as it is written. */
export function printed(text: string): Uint8Array {
  return Buffer.from(JSON.stringify(text))
}

/** What is not JSON cannot be masked. */
export function invalid(what: string, cause?: unknown): Fault {
  const message = `What came is not JSON that can be masked: ${what}`
  return new Fault('upstream_failed', message, cause === undefined ? undefined : { cause })
}
