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
const MAX = { key: KEY_BYTES_MAX, word: WORD_BYTES_MAX, string: Number.POSITIVE_INFINITY }

/** What is read, as it is written, which ends in this chunk. */
function writtenIn({ parts, start }: Capture<unknown>, chunk: Uint8Array, end: number): string {
  const last = chunk.subarray(start, end)
  return joined(parts.length === 0 ? [last] : [...parts, last])
}

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
    const capture = this.#capture
    if (capture === undefined) this.#pass(chunk, chunk.length)
    else {
      this.#pass(chunk, capture.start)
      // A copy: the chunk belongs to whoever gave it, and may be used again.
      this.#keep(capture, Uint8Array.from(chunk.subarray(capture.start)))
      capture.start = 0
    }
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
        return this.#beginValue(at, byte)
      case 'value':
        return this.#beginValue(at, byte)
      case 'key or }':
        if (byte === END_BRACE) return this.#close(at)
        return this.#beginKey(at, byte)
      case 'key':
        return this.#beginKey(at, byte)
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

  #beginKey(at: number, byte: number): number {
    if (byte !== QUOTE) throw invalid('a key is no string')
    this.#isKey = true
    this.#expected = 'string'
    // Where nothing can match below, no key is looked at.
    if (this.#top().place !== undefined) this.#begin('key', [], at)
    return at + 1
  }

  #beginValue(at: number, byte: number): number {
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
      if (rules.length > 0) this.#begin('string', rules, at)
      return at + 1
    }
    if (!isWord(byte)) throw invalid('a value is missing')
    this.#expected = 'word'
    this.#begin('word', rules, at)
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
    const capture = this.#take(end)
    if (!this.#isKey) {
      if (capture !== undefined) this.#rewriteString(capture, chunk, end)
      this.#endValue()
      return end
    }
    if (capture !== undefined) {
      const top = this.#top()
      top.inside = top.place?.step(parseText(writtenIn(capture, chunk, end)))
      this.#out.push(...capture.parts)
    }
    this.#expected = 'colon'
    return end
  }

  #rewriteString(capture: Capture<Rule>, chunk: Uint8Array, end: number): void {
    const { values, stringBytesMax } = this.#options
    const { rules, parts } = capture
    if (capture.bytes > stringBytesMax) {
      this.#replace(capture, chunk, end, printed(values.instead(rules)))
      return
    }
    const text = values.rewrite(parseText(writtenIn(capture, chunk, end)), rules, this.#notes())
    if (text === undefined) this.#out.push(...parts)
    else this.#replace(capture, chunk, end, printed(text))
  }

  /** Of what is read other bytes go on. */
  #replace({ start }: Capture<Rule>, chunk: Uint8Array, end: number, bytes: Uint8Array): void {
    this.#pass(chunk, start)
    this.#out.push(bytes)
    this.#from = end
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
    const capture = this.#take(end)
    if (capture === undefined) throw invalid('a value is missing')
    const word = writtenIn(capture, chunk, end)
    if (!WORD.test(word)) throw invalid('a value is no number, true, false or null')
    const { rules, parts } = capture
    const isHidden = rules.length > 0 && word !== 'null' && this.#options.values.hides(rules)
    if (isHidden) this.#replace(capture, chunk, end, Buffer.from('null'))
    else this.#out.push(...parts)
    this.#endValue()
    return end
  }

  /** From here on is read what may not go on as it is. */
  #begin(purpose: Capture<Rule>['purpose'], rules: readonly Rule[], at: number): void {
    this.#capture = { purpose, rules, start: at, parts: [], bytes: 0 }
  }

  /** Ends what is read, which ends in this chunk; undefined when nothing is. */
  #take(end: number): Capture<Rule> | undefined {
    const capture = this.#capture
    if (capture === undefined) return undefined
    this.#measure(capture, end - capture.start)
    this.#capture = undefined
    return capture
  }

  /** What is read goes on in the next chunk. */
  #keep(capture: Capture<Rule>, part: Uint8Array): void {
    this.#measure(capture, part.length)
    const isLong = capture.purpose === 'string' && capture.bytes > this.#options.stringBytesMax
    // What is too long to be looked at is not kept either.
    if (isLong) capture.parts = []
    else if (part.length > 0) capture.parts.push(part)
  }

  #measure(capture: Capture<Rule>, bytes: number): void {
    capture.bytes += bytes
    const max = MAX[capture.purpose]
    if (capture.bytes > max) throw invalid(`a ${capture.purpose} is too long`)
  }

  #pass(chunk: Uint8Array, end: number): void {
    if (end > this.#from) this.#out.push(chunk.subarray(this.#from, end))
    this.#from = end
  }
}
