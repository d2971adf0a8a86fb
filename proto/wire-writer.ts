/** Texts of this length and less are written by a loop; for longer ones the call of native code pays. */
const LOOP_MAX = 64
const ASCII_MAX = 0x7f
const VARINT_BYTES_MAX = 10
const [VARINT, LENGTH_DELIMITED] = [0, 2]

/**
 * Writes the fields of Protobuf messages in the order of the calls, without an object for each message: for
 * the few kinds of messages of which there are thousands a second. A field without presence whose value is
 * zero is left out, as the wire format wants. A writer serves one message after the other, never two at the
 * same time.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(4_096)
  #at = 0

  /** Forgets what was written, also by who was interrupted. */
  start(): void {
    this.#at = 0
  }

  text(field: number, value: string): void {
    if (value !== '') this.item(field, value)
  }

  /** A text that is there even when it is empty: one of a list. */
  item(field: number, value: string): void {
    this.#tag(field, LENGTH_DELIMITED)
    this.#room(3 * value.length)
    if (value.length > LOOP_MAX || !this.#ascii(value)) this.#utf8(value)
  }

  flag(field: number, value: boolean): void {
    if (value) this.number(field, 1)
  }

  /** A whole number that is not negative, in a field of any such type. */
  number(field: number, value: number): void {
    if (value === 0) return
    this.#tag(field, VARINT)
    this.#varint(value)
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.length > 0) this.message(field, value)
  }

  /** A message that has been encoded already, which may be empty. */
  message(field: number, encoded: Uint8Array): void {
    this.#tag(field, LENGTH_DELIMITED)
    this.#varint(encoded.length)
    this.#room(encoded.length)
    this.#bytes.set(encoded, this.#at)
    this.#at += encoded.length
  }

  /** Begins a message within the message; what it returns is for `end`. */
  begin(field: number): number {
    this.#tag(field, LENGTH_DELIMITED)
    this.#at += 1
    return this.#at
  }

  end(begun: number): void {
    this.#prefix(begun, this.#at - begun)
  }

  /** Ends it with these bytes instead of what was written since. */
  replace(begun: number, encoded: Uint8Array): void {
    this.#at = begun
    this.#room(encoded.length)
    this.#bytes.set(encoded, this.#at)
    this.#at += encoded.length
    this.end(begun)
  }

  /** A copy of what was written since the start. */
  finish(): Buffer<ArrayBuffer> {
    const written = Buffer.allocUnsafe(this.#at)
    this.#bytes.copy(written, 0, 0, this.#at)
    return written
  }

  /** False, and nothing is written, for a text that is not plain. */
  #ascii(value: string): boolean {
    const start = this.#at
    this.#at += 1
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index)
      if (code > ASCII_MAX) {
        this.#at = start
        return false
      }
      this.#bytes[this.#at] = code
      this.#at += 1
    }
    this.#bytes[start] = value.length
    return true
  }

  #utf8(value: string): void {
    this.#at += 1
    const start = this.#at
    this.#at += this.#bytes.write(value, start, 'utf8')
    this.#prefix(start, this.#at - start)
  }

  /** The length of what begins at `start`, for which one byte has been left. */
  #prefix(start: number, length: number): void {
    if (length <= ASCII_MAX) {
      this.#bytes[start - 1] = length
      return
    }
    let more = 0
    for (let rest = length >>> 7; rest > 0; rest >>>= 7) more += 1
    this.#room(0)
    this.#bytes.copyWithin(start + more, start, start + length)
    this.#at = start - 1
    this.#varint(length)
    this.#at += length
  }

  #tag(field: number, wireType: number): void {
    this.#room(0)
    this.#varint(field * 8 + wireType)
  }

  #varint(value: number): void {
    let rest = value
    while (rest > ASCII_MAX) {
      this.#bytes[this.#at] = (rest % 128) + 128
      this.#at += 1
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#at] = rest
    this.#at += 1
  }

  /** For so many bytes, and for what stands before and around them. */
  #room(bytes: number): void {
    const wanted = this.#at + bytes + 4 * VARINT_BYTES_MAX
    if (wanted <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(wanted, 2 * this.#bytes.length))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
