/** Of a message in one frame. */
const BINARY = 2
const TEXT = 1
const CLOSE = 8
const NORMAL_CLOSURE = 1000

/** One whole frame of a server, which is not masked. Source: RFC 6455, section 5.2. */
function serverFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : 4)
  head[0] = 0x80 | opcode
  head[1] = Math.min(length, 126)
  if (length >= 126) head.writeUInt16BE(length, 2)
  return Buffer.concat([head, payload])
}

/** A whole binary message of a server, of less than 64 KiB. */
export function binaryMessage(payload: Buffer): Buffer {
  return serverFrame(BINARY, payload)
}

/** A whole text message of a server, of less than 64 KiB. */
export function textMessage(text: string): Buffer {
  return serverFrame(TEXT, Buffer.from(text))
}

/** The end of a connection as a server says it: nothing failed in the connection itself. */
export function closeMessage(): Buffer {
  const code = Buffer.alloc(2)
  code.writeUInt16BE(NORMAL_CLOSURE)
  return serverFrame(CLOSE, code)
}
