/* How a chunked body is written. Source: RFC 9112, section 7.1. */

/** Behind the bytes of a chunk. */
export const CHUNK_END = Buffer.from('\r\n')
/** Ends the body; no trailers follow. */
export const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** Before the bytes of a chunk, of which there must be some. */
export function chunkStart(bytes: number): Buffer {
  return Buffer.from(`${bytes.toString(16)}\r\n`, 'latin1')
}
