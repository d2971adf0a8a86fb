const FIN = 0x01
const FRAME_HEAD_BYTES = 8

/** The last data of a SPDY stream, of less than 16 MiB. */
export function lastSpdyData(stream: number, payload: Buffer): Buffer {
  return spdyData(stream, payload, FIN)
}

/** Data of a SPDY stream, of less than 16 MiB. */
export function spdyData(stream: number, payload: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  head.writeUInt32BE(stream, 0)
  head[4] = flags
  head.writeUIntBE(payload.length, 5, 3)
  return Buffer.concat([head, payload])
}
