import { crc32 } from 'node:zlib'
import type { StoredChunk } from '../recording-store.ts'

/*
 * A chunk as it stands in a file: the length of the rest and its CRC-32, each four bytes, then id, number, the time of
 * its last event, and its bytes. Whatever does not fit its CRC was not written to its end.
 */

const HEAD_BYTES = 8
const ID_BYTES = 26
const FIXED_BYTES = ID_BYTES + 4 + 8

/** A chunk of a recording. */
export interface ChunkFrame extends StoredChunk {
  readonly id: string
}

/** What stands before the bytes of a chunk in its frame. The id is a ULID. */
export function frameHead({ id, number, lastUs, bytes }: ChunkFrame): Buffer {
  const head = Buffer.alloc(HEAD_BYTES + FIXED_BYTES)
  head.write(id, HEAD_BYTES, ID_BYTES, 'ascii')
  head.writeUInt32LE(number, HEAD_BYTES + ID_BYTES)
  head.writeDoubleLE(lastUs, HEAD_BYTES + ID_BYTES + 4)
  head.writeUInt32LE(FIXED_BYTES + bytes.length, 0)
  head.writeUInt32LE(crc32(bytes, crc32(head.subarray(HEAD_BYTES))), 4)
  return head
}

/** The bytes of a frame. */
export function encodeFrame(frame: ChunkFrame): Buffer {
  return Buffer.concat([frameHead(frame), frame.bytes])
}

/** The frame at an offset, and where the next begins; undefined where no whole one is. */
export function decodeFrame(
  file: Buffer,
  offset: number,
): { readonly frame: ChunkFrame; readonly next: number } | undefined {
  if (offset + HEAD_BYTES + FIXED_BYTES > file.length) return undefined
  const next = offset + HEAD_BYTES + file.readUInt32LE(offset)
  if (next > file.length || next < offset + HEAD_BYTES + FIXED_BYTES) return undefined
  const body = file.subarray(offset + HEAD_BYTES, next)
  if (crc32(body) !== file.readUInt32LE(offset + 4)) return undefined
  const frame = {
    id: body.toString('ascii', 0, ID_BYTES),
    number: body.readUInt32LE(ID_BYTES),
    lastUs: body.readDoubleLE(ID_BYTES + 4),
    bytes: body.subarray(FIXED_BYTES),
  }
  return { frame, next }
}

/** The whole frames of a file, up to the first that is not. */
export function* framesOf(file: Buffer): Generator<ChunkFrame> {
  let offset = 0
  for (;;) {
    const found = decodeFrame(file, offset)
    if (found === undefined) return
    yield found.frame
    offset = found.next
  }
}
