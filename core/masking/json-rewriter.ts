import {
  BACKSLASH,
  BRACE,
  BRACKET,
  COLON,
  COMMA,
  END_BRACE,
  END_BRACKET,
  QUOTE,
} from '../json-letters.ts'
import {
  ESCAPED_CHARACTERS_MIN,
  invalid,
  isSpace,
  isWord,
  joined,
  parseText,
  printed,
  WORD,
  WORD_BYTES_MAX,
} from './json-bytes.ts'
import type { Capture, Expected, JsonRewriterOptions, Notes, OpenValue } from './json-values.ts'
import type { PathState } from './path-rules.ts'

/** Of a key, in bytes as it is written; Kubernetes' own have 317 at most. */
const KEY_BYTES_MAX = 64 * 1024
/** More in each other than any object of Kubernetes; kube-apiserver itself takes 10,000. */
const DEPTH_MAX = 10_000

/**
 * Reads JSON as it comes, one value or several one after the other, and rewrites strings in some places. All else
 * goes on byte for byte: spaces, the order of keys, the text of numbers, unknown fields. What is not JSON throws
 * `upstream_failed`, before any byte behind it goes on: nobody can say what a reader makes of it.
 */
export class JsonRewriter<Rule> {
  readonly #options: JsonRewriterOptions<Rule>
  readonly #open: OpenValue<Rule>[] = []
  #expected: Expected = 'value'
  #capture: Capture<Rule> | undefined
  #isKey = false
  #isEscaped = false
  /** The output of one call, and from where on its chunk has not gone there yet. */
  #out: Uint8Array[] = []
  #from = 0

  constructor(options: JsonRewriterOptions<Rule>) {
    this.#options = options
  }

  /** What goes on of a chunk: what was kept back of those before it, and as much of itself as is known. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    this.#out = []
    this.#from = 0
    for (let at = 0; at < chunk.length; ) at = this.#read(chunk, at)
    // A copy: the chunk belongs to whoever gave it, and may be used again.
    if (this.#capture !== undefined) this.#keep(Uint8Array.from(chunk.subarray(this.#from)))
    else this.#pass(chunk, chunk.length)
    return this.#out
  }

  /** What is left when no more comes. Throws when a value is not whole. */
  end(): readonly Uint8Array[] {
    this.#out = []
    // A number ends with the text.
    if (this.#expected === 'word') this.#endWord(new Uint8Array(), 0)
    if (this.#open.length > 0 || this.#expected !== 'value') throw invalid('it ends too early')
    return this.#out
  }

  /** Reads one token, or as much of a longer one as is there; returns where the next begins. */
  #read(chunk: Uint8Array, at: number): number {
    if (this.#expected === 'string') return this.#readString(chunk, at)
    if (this.#expected === 'word') return this.#readWord(chunk, at)
    const byte = chunk[at] ?? 0
    if (isSpace(byte)) return at + 1
    switch (this.#expected) {
      case 'value or ]':
        if (byte === END_BRACKET) return this.#close(at)
        return this.#beginValue(chunk, at, byte)
      case 'value':
        return this.#beginValue(chunk, at, byte)
      case 'key or }':
        if (byte === END_BRACE) return this.#close(at)
        return this.#beginKey(chunk, at, byte)
      case 'key':
        return this.#beginKey(chunk, at, byte)
      case 'colon':
        if (byte !== COLON) throw invalid('a key has no value')
        this.#expected = 'value'
        return at + 1
      case 'comma or end':
        return this.#next(at, byte)
    }
  }

  #next(at: number, byte: number): number {
    const { isList } = this.#top()
    if (byte === (isList ? END_BRACKET : END_BRACE)) return this.#close(at)
    if (byte !== COMMA) throw invalid('a comma is missing')
    this.#expected = isList ? 'value' : 'key'
    return at + 1
  }

  #beginKey(chunk: Uint8Array, at: number, byte: number): number {
    if (byte !== QUOTE) throw invalid('a key is no string')
    this.#isKey = true
    this.#expected = 'string'
    // Where nothing can match below, no key is looked at.
    if (this.#top().place !== undefined) this.#begin('key', [], chunk, at)
    return at + 1
  }

  #beginValue(chunk: Uint8Array, at: number, byte: number): number {
    const place = this.#enter()
    const isList = byte === BRACKET
    if (isList || byte === BRACE) {
      if (this.#open.length >= DEPTH_MAX) throw invalid('it is too deep')
      this.#open.push({ isList, place, inside: undefined, index: 0, notes: undefined })
      this.#expected = isList ? 'value or ]' : 'key or }'
      return at + 1
    }
    const rules = place?.rules ?? []
    if (byte === QUOTE) {
      this.#isKey = false
      this.#expected = 'string'
      if (rules.length > 0) this.#begin('string', rules, chunk, at)
      return at + 1
    }
    if (!isWord(byte)) throw invalid('a value is missing')
    this.#expected = 'word'
    this.#begin('word', rules, chunk, at)
    return at
  }

  /** The place of the value that begins. */
  #enter(): PathState<Rule> | undefined {
    const top = this.#open.at(-1)
    if (top === undefined) return this.#options.places
    if (!top.isList) return top.inside
    const place = top.place?.step(String(top.index))
    top.index += 1
    return place
  }

  #close(at: number): number {
    this.#open.pop()
    this.#endValue()
    return at + 1
  }

  #endValue(): void {
    this.#expected = this.#open.length === 0 ? 'value' : 'comma or end'
  }

  #top(): OpenValue<Rule> {
    const top = this.#open.at(-1)
    if (top === undefined) throw invalid('something stands outside of a value')
    return top
  }

  #readString(chunk: Uint8Array, at: number): number {
    for (let index = at; index < chunk.length; index += 1) {
      const byte = chunk[index] ?? 0
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === BACKSLASH) this.#isEscaped = true
      else if (byte === QUOTE) return this.#endString(chunk, index + 1)
      else if (byte < ESCAPED_CHARACTERS_MIN) throw invalid('a string holds a control character')
    }
    return chunk.length
  }

  #endString(chunk: Uint8Array, end: number): number {
    const capture = this.#take(chunk, end)
    if (!this.#isKey) {
      if (capture !== undefined) this.#rewriteString(capture)
      this.#endValue()
      return end
    }
    if (capture !== undefined) {
      const top = this.#top()
      top.inside = top.place?.step(parseText(joined(capture.parts)))
      this.#out.push(...capture.parts)
    }
    this.#expected = 'colon'
    return end
  }

  #rewriteString({ parts, bytes, rules }: Capture<Rule>): void {
    const { values, stringBytesMax } = this.#options
    if (bytes > stringBytesMax) {
      this.#out.push(printed(values.instead(rules)))
      return
    }
    const text = values.rewrite(parseText(joined(parts)), rules, this.#notes())
    if (text === undefined) this.#out.push(...parts)
    else this.#out.push(printed(text))
  }

  /** Of the object or list in which the value stands. */
  #notes(): Notes {
    const top = this.#open.at(-1)
    if (top === undefined) return {}
    top.notes ??= {}
    return top.notes
  }

  #readWord(chunk: Uint8Array, at: number): number {
    let end = at
    while (end < chunk.length && isWord(chunk[end] ?? 0)) end += 1
    return end === chunk.length ? end : this.#endWord(chunk, end)
  }

  #endWord(chunk: Uint8Array, end: number): number {
    const capture = this.#take(chunk, end)
    if (capture === undefined) throw invalid('a value is missing')
    const word = joined(capture.parts)
    if (!WORD.test(word)) throw invalid('a value is no number, true, false or null')
    const { rules, parts } = capture
    const isHidden = rules.length > 0 && word !== 'null' && this.#options.values.hides(rules)
    this.#out.push(...(isHidden ? [Buffer.from('null')] : parts))
    this.#endValue()
    return end
  }

  /** From here on a chunk is kept back. */
  #begin(
    purpose: Capture<Rule>['purpose'],
    rules: readonly Rule[],
    chunk: Uint8Array,
    at: number,
  ): void {
    this.#pass(chunk, at)
    this.#capture = { purpose, rules, parts: [], bytes: 0 }
  }

  /** Ends what is kept back; undefined when nothing is. */
  #take(chunk: Uint8Array, end: number): Capture<Rule> | undefined {
    const capture = this.#capture
    if (capture === undefined) return undefined
    this.#keep(chunk.subarray(this.#from, end))
    this.#from = end
    this.#capture = undefined
    return capture
  }

  #keep(part: Uint8Array): void {
    const capture = this.#capture
    if (capture === undefined || part.length === 0) return
    capture.bytes += part.length
    const max = { key: KEY_BYTES_MAX, word: WORD_BYTES_MAX, string: Number.POSITIVE_INFINITY }
    if (capture.bytes > max[capture.purpose]) throw invalid(`a ${capture.purpose} is too long`)
    const isLong = capture.purpose === 'string' && capture.bytes > this.#options.stringBytesMax
    // What is too long to be looked at is not kept either.
    if (isLong) capture.parts = []
    else capture.parts.push(part)
  }

  #pass(chunk: Uint8Array, end: number): void {
    if (end > this.#from) this.#out.push(chunk.subarray(this.#from, end))
    this.#from = end
  }
}
