import { assert } from '../../assert.ts'

/** Where keywords end; called in the order of the text. */
export type KeywordFound = (keyword: number, end: number) => void

const BYTES = 256
const NOTHING = 0xffff

/**
 * Finds all of many keywords in one pass, a table look-up for each byte, however the text is cut into pieces. Letters
 * of ASCII match in either case. Source: Aho and Corasick, "Efficient string matching" (1975).
 */
export class KeywordAutomaton {
  /** The class of each byte; those in no keyword share class 0. */
  readonly #classes = new Uint8Array(BYTES)
  /** The next state by state and class; states are multiplied by the number of classes. */
  readonly #next: Uint32Array
  /** States from here on end a keyword. */
  readonly #firstEnd: number
  readonly #width: number
  readonly #found: readonly (readonly number[])[]

  /** Throws an assertion for an empty keyword, or one that is not ASCII. */
  constructor(keywords: readonly string[]) {
    this.#width = fillClasses(this.#classes, keywords)
    const trie = buildTrie(keywords, this.#classes, this.#width)
    const ends = trie.found.map((found) => found.length > 0)
    // States that end nothing come first, so that one comparison tells.
    const order = [...ends.keys()].sort((a, b) => Number(ends[a]) - Number(ends[b]) || a - b)
    const places = new Map(order.map((state, place) => [state, place]))
    this.#firstEnd = ends.filter((isEnd) => !isEnd).length * this.#width
    this.#found = order.map((state) => trie.found[state] ?? [])
    this.#next = new Uint32Array(order.length * this.#width)
    for (const [place, state] of order.entries()) {
      for (let one = 0; one < this.#width; one += 1) {
        const to = places.get(trie.next[state * this.#width + one] ?? 0) ?? 0
        this.#next[place * this.#width + one] = to * this.#width
      }
    }
  }

  /** Reads bytes and returns the state after them, from which the next bytes are read; the first state is 0. */
  readBytes(bytes: Uint8Array, found: KeywordFound, state = 0): number {
    const next = this.#next
    const classes = this.#classes
    const firstEnd = this.#firstEnd
    let at = state
    for (let index = 0; index < bytes.length; index += 1) {
      at = next[at + (classes[bytes[index] ?? 0] ?? 0)] ?? 0
      if (at >= firstEnd) this.#report(at, index + 1, found)
    }
    return at
  }

  /** The same over the characters of a string; what is not ASCII is in no keyword. */
  scanText(text: string, found: KeywordFound): void {
    const next = this.#next
    const classes = this.#classes
    let at = 0
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index)
      at = next[at + (code < 0x80 ? (classes[code] ?? 0) : 0)] ?? 0
      if (at >= this.#firstEnd) this.#report(at, index + 1, found)
    }
  }

  #report(state: number, end: number, found: KeywordFound): void {
    for (const keyword of this.#found[state / this.#width] ?? []) found(keyword, end)
  }
}

function fold(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code
}

function fillClasses(classes: Uint8Array, keywords: readonly string[]): number {
  let width = 1
  for (const keyword of keywords) {
    assert(/^[\x20-\x7e]+$/.test(keyword), 'a keyword is ASCII that can be printed')
    for (let index = 0; index < keyword.length; index += 1) {
      const code = fold(keyword.charCodeAt(index))
      if (classes[code] !== 0) continue
      classes[code] = width
      const isLetter = code >= 0x61 && code <= 0x7a
      if (isLetter) classes[code - 0x20] = width
      width += 1
    }
  }
  return width
}

interface Trie {
  readonly next: number[]
  readonly found: number[][]
}

function buildTrie(keywords: readonly string[], classes: Uint8Array, width: number): Trie {
  const next: number[] = Array(width).fill(NOTHING)
  const found: number[][] = [[]]
  for (const [index, keyword] of keywords.entries()) {
    let state = 0
    for (let at = 0; at < keyword.length; at += 1) {
      const edge = state * width + (classes[keyword.charCodeAt(at)] ?? 0)
      if (next[edge] === NOTHING) {
        next[edge] = found.length
        found.push([])
        for (let one = 0; one < width; one += 1) next.push(NOTHING)
      }
      state = next[edge] ?? 0
    }
    found[state]?.push(index)
  }
  linkStates(next, found, width)
  return { next, found }
}

/** Where no keyword goes on, the longest end of what was read that begins another does. */
function linkStates(next: number[], found: number[][], width: number): void {
  const fallbacks: number[] = Array(found.length).fill(0)
  const queue: number[] = []
  for (let one = 0; one < width; one += 1) {
    const to = next[one] ?? NOTHING
    if (to === NOTHING) next[one] = 0
    else queue.push(to)
  }
  for (const state of queue) {
    const fallback = fallbacks[state] ?? 0
    found[state]?.push(...(found[fallback] ?? []))
    for (let one = 0; one < width; one += 1) {
      const edge = state * width + one
      const other = next[fallback * width + one] ?? 0
      const to = next[edge] ?? NOTHING
      if (to === NOTHING) next[edge] = other
      else {
        fallbacks[to] = other
        queue.push(to)
      }
    }
  }
}
