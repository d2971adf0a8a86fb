import { randomBytes } from 'node:crypto'

/** Of a message in one frame. */
const BINARY = 2
const TEXT = 1
const CLOSE = 8
const NORMAL_CLOSURE = 1000
const MASK_BYTES = 4

/** One whole frame of a server, of less than 64 KiB, which is not masked. Source: RFC 6455, section 5.2. */
export function serverFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : 4)
  head[0] = 0x80 | opcode
  head[1] = Math.min(length, 126)
  if (length >= 126) head.writeUInt16BE(length, 2)
  return Buffer.concat([head, payload])
}

/** One whole frame of a client, which is masked. Source: RFC 6455, section 5.3. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const plain = serverFrame(opcode, payload)
  const at = plain.length - payload.length
  const mask = randomBytes(MASK_BYTES)
  plain[1] = 0x80 | (plain[1] ?? 0)
  for (let index = 0; index < payload.length; index += 1) {
    plain[at + index] = (plain[at + index] ?? 0) ^ (mask[index & 3] ?? 0)
  }
  return Buffer.concat([plain.subarray(0, at), mask, plain.subarray(at)])
}

/** A whole message of a client, of less than 64 KiB. */
export function clientMessage(payload: Buffer, isText: boolean): Buffer {
  return clientFrame(isText ? TEXT : BINARY, payload)
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
