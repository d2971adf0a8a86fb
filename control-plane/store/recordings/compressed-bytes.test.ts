import { createHash, randomBytes } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { CompressedBytes } from './compressed-bytes.ts'

async function taken(raw: Uint8Array) {
  const compressed = new CompressedBytes(raw)
  const pieces: Buffer[] = []
  for await (const piece of compressed.pieces()) pieces.push(piece)
  return { compressed, pieces, whole: Buffer.concat(pieces) }
}

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a byte', Buffer.from('x')],
  ['what compresses well', Buffer.alloc(1_000_000, 'a line of some text\n')],
  ['what does not compress', randomBytes(1_000_000)],
])('CompressedBytes of %s is one frame, with its length and digest', async (_name, raw) => {
  const { compressed, whole } = await taken(raw)
  expect(zstdDecompressSync(whole, { maxOutputLength: Math.max(1, raw.length) })).toEqual(raw)
  expect(compressed.length).toBe(whole.length)
  expect(compressed.digest()).toEqual(createHash('sha256').update(whole).digest())
})

test('CompressedBytes.pieces() gives no piece of more than 128 KiB', async () => {
  const { pieces } = await taken(randomBytes(1_000_000))
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(128 * 1024)
})
