/*
 * Writes the few ASN.1 values (ITU-T X.690, DER) that an X.509 certificate is made of. It writes
 * only: nothing that others made is ever read with it.
 */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** One value with a tag of the caller's choice, such as a context-specific one. */
export function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

/** Up to 127 in one byte; longer ones as the number of bytes, then the bytes. */
function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const hex = length.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

/** SEQUENCE of values, in their order. */
export function sequence(...contents: readonly Buffer[]): Buffer {
  return tagged(TAG.sequence, ...contents)
}

/** SET of values. DER wants them sorted; a name of a certificate has one in each. */
export function set(...contents: readonly Buffer[]): Buffer {
  return tagged(TAG.set, ...contents)
}

/** BOOLEAN true; false is the default everywhere and is left out. */
export function booleanTrue(): Buffer {
  return tagged(TAG.boolean, Buffer.from([0xff]))
}

/** A non-negative integer, given as big-endian bytes. */
export function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const significant = first < 0 ? Buffer.from([0]) : bytes.subarray(first)
  const negative = (significant[0] ?? 0) >= 0x80
  return tagged(
    TAG.integer,
    negative ? Buffer.concat([Buffer.from([0]), significant]) : significant,
  )
}

/** Bits in whole bytes, except for the last `unusedBits` of them. */
export function bitString(bytes: Buffer, unusedBits = 0): Buffer {
  return tagged(TAG.bitString, Buffer.from([unusedBits]), bytes)
}

/** OCTET STRING. */
export function octetString(bytes: Buffer): Buffer {
  return tagged(TAG.octetString, bytes)
}

/** UTF8String. */
export function utf8String(text: string): Buffer {
  return tagged(TAG.utf8String, Buffer.from(text, 'utf8'))
}

/** `2.5.29.15` and the like. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(TAG.objectIdentifier, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}

/** Seconds since then: two digits for the year before 2050, four from then on (RFC 5280, 4.1.2.5). */
export function time(date: Date): Buffer {
  const text = `${date.toISOString().slice(0, 19).replace(/[-T:]/g, '')}Z`
  return date.getUTCFullYear() < 2050
    ? tagged(TAG.utcTime, Buffer.from(text.slice(2), 'latin1'))
    : tagged(TAG.generalizedTime, Buffer.from(text, 'latin1'))
}
