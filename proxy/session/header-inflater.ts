import { SPDY_DICTIONARY, SPDY_DICTIONARY_ID } from './spdy-dictionary.ts'
import { Unreadable } from './unreadable.ts'

const BROKEN = 'a SPDY frame whose headers cannot be decompressed'
/** Of the headers of one frame. Those of Kubernetes have some hundred bytes. */
const HEADERS_BYTES_MAX = 16 * 1024
const WINDOW_BYTES = 32 * 1024
const CODE_BITS_MAX = 15
const END_OF_BLOCK = 256
/** In which the lengths of a block's length codes come. Source: RFC 1951, section 3.2.7. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** Codes of one alphabet: how many there are of each length, and their symbols in the order of the codes. */
interface Codes {
  readonly counts: Uint16Array
  readonly symbols: Uint16Array
}

/** Canonical Huffman codes of these lengths. Throws when there are more codes than bits can tell apart. */
function toCodes(lengths: readonly number[]): Codes {
  const counts = new Uint16Array(CODE_BITS_MAX + 1)
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1
  counts[0] = 0
  let free = 1
  const offsets = new Uint16Array(CODE_BITS_MAX + 2)
  for (let length = 1; length <= CODE_BITS_MAX; length += 1) {
    const count = counts[length] ?? 0
    free = free * 2 - count
    if (free < 0) throw new Unreadable(BROKEN)
    offsets[length + 1] = (offsets[length] ?? 0) + count
  }
  const symbols = new Uint16Array(lengths.length)
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue
    const offset = offsets[length] ?? 0
    symbols[offset] = symbol
    offsets[length] = offset + 1
  }
  return { counts, symbols }
}

const FIXED_LITERALS = toCodes([
  ...Array<number>(144).fill(8),
  ...Array<number>(112).fill(9),
  ...Array<number>(24).fill(7),
  ...Array<number>(8).fill(8),
])
const FIXED_DISTANCES = toCodes(Array<number>(30).fill(5))

/** First value and count of further bits, by symbol. Source: RFC 1951, section 3.2.5. */
function steps(first: number, bits: readonly number[]): readonly (readonly [number, number])[] {
  let base = first
  return bits.map((extra) => {
    const step = [base, extra] as const
    base += 2 ** extra
    return step
  })
}

const LENGTHS = [
  ...steps(3, [
    ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2],
    ...[3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5],
  ]),
  [258, 0] as const,
]
const DISTANCES = steps(
  1,
  Array.from({ length: 30 }, (_, index) => Math.max(0, (index >> 1) - 1)),
)

/** Bits of one block of bytes, the lowest of each byte first. */
class Bits {
  readonly #bytes: Buffer
  #at = 0
  #held = 0
  #count = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length && this.#count === 0
  }

  take(count: number): number {
    while (this.#count < count) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) throw new Unreadable(BROKEN)
      this.#held |= byte << this.#count
      this.#at += 1
      this.#count += 8
    }
    const value = this.#held & ((1 << count) - 1)
    this.#held >>>= count
    this.#count -= count
    return value
  }

  /** Leaves what is left of the byte that was begun. */
  align(): void {
    this.#held = 0
    this.#count = 0
  }

  takeBytes(count: number): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#at + count)
    if (bytes.length < count) throw new Unreadable(BROKEN)
    this.#at += count
    return bytes
  }

  symbol({ counts, symbols }: Codes): number {
    let code = 0
    let first = 0
    let index = 0
    for (let length = 1; length <= CODE_BITS_MAX; length += 1) {
      code |= this.take(1)
      const count = counts[length] ?? 0
      if (code - first < count) return symbols[index + code - first] ?? 0
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw new Unreadable(BROKEN)
  }
}

/**
 * Decompresses the headers of one side's SPDY frames, which share one zlib stream with the dictionary of SPDY/3
 * (draft-mbelshe-httpbis-spdy-00, section 2.6.10.1; RFC 1950 and 1951). Node's zlib does so only asynchronously, and
 * keeps more memory for each stream than all else that a tunnel needs; frames must be read in their order, and a bomb
 * must be seen before its bytes are there.
 *
 * The compressed bytes of a frame must end where a block ends, as each flush of zlib makes them end: what is left over
 * would be read with the next frame, and by another reader otherwise.
 */
export class HeaderInflater {
  /** Dictionary and output, of which the last 32 KiB may be pointed to. */
  #window: Buffer = SPDY_DICTIONARY
  #hasBegun = false
  #output = Buffer.alloc(0)
  #outputBytes = 0

  /** The headers of the next frame, of at most 16 KiB. Throws `Unreadable`. */
  inflate(compressed: Buffer): Buffer {
    const bits = new Bits(compressed)
    if (!this.#hasBegun) this.#readHeader(bits)
    this.#hasBegun = true
    this.#output = Buffer.alloc(1024)
    this.#outputBytes = 0
    while (!bits.isAtEnd) this.#readBlock(bits)
    const headers = this.#output.subarray(0, this.#outputBytes)
    this.#window = Buffer.concat([this.#window, headers]).subarray(-WINDOW_BYTES)
    this.#output = Buffer.alloc(0)
    return headers
  }

  #readHeader(bits: Bits): void {
    const [method = 0, flags = 0] = bits.takeBytes(2)
    const isZlib = (method & 0x0f) === 8 && method >> 4 <= 7 && (method * 256 + flags) % 31 === 0
    const hasDictionary = (flags & 0x20) !== 0
    if (!isZlib || !hasDictionary || bits.takeBytes(4).readUInt32BE() !== SPDY_DICTIONARY_ID) {
      throw new Unreadable(BROKEN)
    }
  }

  #readBlock(bits: Bits): void {
    // The last block of all would end the headers of the connection.
    if (bits.take(1) !== 0) throw new Unreadable(BROKEN)
    const kind = bits.take(2)
    if (kind === 0) {
      bits.align()
      const lengths = bits.takeBytes(4)
      const length = lengths.readUInt16LE(0)
      if ((length ^ 0xffff) !== lengths.readUInt16LE(2)) throw new Unreadable(BROKEN)
      for (const byte of bits.takeBytes(length)) this.#put(byte)
    } else if (kind === 1) this.#readCodes(bits, FIXED_LITERALS, FIXED_DISTANCES)
    else if (kind === 2) this.#readDynamic(bits)
    else throw new Unreadable(BROKEN)
  }

  #readDynamic(bits: Bits): void {
    const literals = bits.take(5) + 257
    const distances = bits.take(5) + 1
    const orders = bits.take(4) + 4
    if (literals > 286 || distances > 30) throw new Unreadable(BROKEN)
    const orderLengths = Array<number>(ORDER.length).fill(0)
    for (const symbol of ORDER.slice(0, orders)) orderLengths[symbol] = bits.take(3)
    const codes = toCodes(orderLengths)
    const lengths: number[] = []
    while (lengths.length < literals + distances) {
      const symbol = bits.symbol(codes)
      if (symbol < 16) lengths.push(symbol)
      else {
        const last = symbol === 16 ? lengths.at(-1) : 0
        if (last === undefined) throw new Unreadable(BROKEN)
        lengths.push(...Array<number>(repeats(bits, symbol)).fill(last))
      }
    }
    if (lengths.length > literals + distances) throw new Unreadable(BROKEN)
    this.#readCodes(bits, toCodes(lengths.slice(0, literals)), toCodes(lengths.slice(literals)))
  }

  #readCodes(bits: Bits, literals: Codes, distances: Codes): void {
    for (;;) {
      const symbol = bits.symbol(literals)
      if (symbol < END_OF_BLOCK) this.#put(symbol)
      else if (symbol === END_OF_BLOCK) return
      else this.#copy(further(bits, LENGTHS, symbol - 257), bits, distances)
    }
  }

  #copy(length: number, bits: Bits, distances: Codes): void {
    const distance = further(bits, DISTANCES, bits.symbol(distances))
    if (distance > this.#window.length + this.#outputBytes) throw new Unreadable(BROKEN)
    for (let count = 0; count < length; count += 1) {
      const at = this.#outputBytes - distance
      const byte = at >= 0 ? this.#output[at] : this.#window[this.#window.length + at]
      this.#put(byte ?? 0)
    }
  }

  #put(byte: number): void {
    if (this.#outputBytes === HEADERS_BYTES_MAX) {
      throw new Unreadable('a SPDY frame with over 16 KiB of headers')
    }
    if (this.#outputBytes === this.#output.length) {
      this.#output = Buffer.concat([this.#output, Buffer.alloc(this.#output.length)])
    }
    this.#output[this.#outputBytes] = byte
    this.#outputBytes += 1
  }
}

function repeats(bits: Bits, symbol: number): number {
  if (symbol === 16) return 3 + bits.take(2)
  return symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7)
}

function further(
  bits: Bits,
  table: readonly (readonly [number, number])[],
  symbol: number,
): number {
  const step = table[symbol]
  if (step === undefined) throw new Unreadable(BROKEN)
  return step[0] + bits.take(step[1])
}
