import { createHash } from 'node:crypto'

const WORD = 0x1_0000_0000

export const LOWER = 'abcdefghijklmnopqrstuvwxyz'
export const UPPER = LOWER.toUpperCase()
export const DIGITS = '0123456789'
export const LETTERS = UPPER + LOWER
export const ALNUM = LETTERS + DIGITS
export const HEX = '0123456789abcdef'
export const BASE64 = `${ALNUM}+/`
export const BASE64URL = `${ALNUM}-_`

/** Chance from a seed: the same on every machine. Source of the steps: Marsaglia, "Xorshift RNGs" (2003). */
export class Chance {
  #state: number

  constructor(seed: string) {
    this.#state = createHash('sha256').update(seed).digest().readUInt32LE(0) || 1
  }

  /** At least 0 and below 1. */
  next(): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) / WORD
  }

  /** A whole number from `least` to `most`. */
  number(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  isLikely(share: number): boolean {
    return this.next() < share
  }

  of<T>(choices: readonly T[]): T {
    const chosen = choices[Math.floor(this.next() * choices.length)]
    if (chosen === undefined) throw new Error('nothing to choose from')
    return chosen
  }

  text(length: number, alphabet: string): string {
    return Array.from({ length }, () => alphabet[Math.floor(this.next() * alphabet.length)]).join(
      '',
    )
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.number(0, 255)))
  }

  uuid(): string {
    const hex = this.text(32, HEX)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  }
}
