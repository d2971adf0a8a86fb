/** A frame of a WebSocket as bytes. Source: RFC 6455, section 5.2. */
export interface FrameOptions {
  readonly opcode?: number
  /** False for a message that continues in another frame. */
  readonly final?: boolean
  /** Of four bytes: masks the payload, as clients do. */
  readonly mask?: Buffer
}

/** One whole frame. */
export function frame(payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const { opcode = 2, final = true, mask } = options
  const bytes = Buffer.from(payload)
  const { length } = bytes
  const short = length < 126 ? length : length < 65_536 ? 126 : 127
  const head = Buffer.alloc(2 + (short < 126 ? 0 : short === 126 ? 2 : 8))
  head[0] = (final ? 0x80 : 0) | opcode
  head[1] = short | (mask === undefined ? 0 : 0x80)
  if (short === 126) head.writeUInt16BE(length, 2)
  if (short === 127) head.writeBigUInt64BE(BigInt(length), 2)
  if (mask === undefined) return Buffer.concat([head, bytes])
  const masked = bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0))
  return Buffer.concat([head, mask, masked])
}

const MASK = Buffer.from([0x11, 0x92, 0xa3, 0x04])

/** A message of a client on a channel. */
export function fromClient(channel: number, text: Buffer | string): Buffer {
  return frame(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]), { mask: MASK })
}

/** A message of a server on a channel. */
export function fromServer(channel: number, text: Buffer | string): Buffer {
  return frame(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]))
}
