/** One field of a message: its number, and its bytes where it is length-delimited. */
export interface ProtobufField {
  readonly number: number
  readonly bytes: Uint8Array | undefined
}

/**
 * Reads the fields of a Protobuf message in their order; undefined for what no reader could take, and for
 * what readers take differently. Go's generated code cuts a long tag to 32 bits; such a tag is none here.
 * Source: gogo/protobuf's Unmarshal, as in Kubernetes (v1.34) generated.pb.go.
 */
export function parseProtobufFields(message: Uint8Array): readonly ProtobufField[] | undefined {
  const fields: ProtobufField[] = []
  const reader = new Reader(message)
  while (!reader.isDone()) {
    const tag = reader.varint()
    if (tag === undefined || tag > 0xffff_ffff || tag < 8) return undefined
    const number = Math.floor(tag / 8)
    const bytes = reader.value(tag % 8)
    if (bytes === undefined) return undefined
    fields.push({ number, bytes: tag % 8 === 2 ? bytes : undefined })
  }
  return fields
}

class Reader {
  readonly #message: Uint8Array
  #at = 0

  constructor(message: Uint8Array) {
    this.#message = message
  }

  isDone(): boolean {
    return this.#at >= this.#message.length
  }

  /** At most seven bytes: more would not be a safe integer, and nothing here is so long. */
  varint(): number | undefined {
    let value = 0
    for (let factor = 1; factor <= 2 ** 42; factor *= 128) {
      const byte = this.#message[this.#at]
      if (byte === undefined) return undefined
      this.#at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    return undefined
  }

  /** The bytes of a value by its wire type; undefined for one that is cut short or not known. */
  value(wireType: number): Uint8Array | undefined {
    const lengths: Readonly<Record<number, number>> = { 1: 8, 5: 4 }
    if (wireType === 0) return this.#skipVarint()
    const length = wireType === 2 ? this.varint() : lengths[wireType]
    if (length === undefined || length > this.#message.length - this.#at) return undefined
    const bytes = this.#message.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }

  #skipVarint(): Uint8Array | undefined {
    const began = this.#at
    while (this.#at < began + 10) {
      const byte = this.#message[this.#at]
      if (byte === undefined) return undefined
      this.#at += 1
      if (byte < 0x80) return this.#message.subarray(began, this.#at)
    }
    return undefined
  }
}
