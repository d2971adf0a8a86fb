import { constants, createDeflate } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HeaderInflater } from './header-inflater.ts'
import { SPDY_DICTIONARY } from './spdy-dictionary.ts'

/** What zlib makes of each block, flushed after each. */
async function deflated(
  blocks: readonly Buffer[],
  options: { readonly level: number; readonly strategy: number },
): Promise<readonly Buffer[]> {
  const deflate = createDeflate({ dictionary: SPDY_DICTIONARY, ...options })
  const out: Buffer[] = []
  deflate.on('data', (bytes: Buffer) => out.push(bytes))
  const all: Buffer[] = []
  for (const block of blocks) {
    deflate.write(block)
    await new Promise<void>((resolve) => {
      deflate.flush(constants.Z_SYNC_FLUSH, () => setImmediate(resolve))
    })
    all.push(Buffer.concat(out.splice(0)))
  }
  return all
}

const BLOCKS = Array.from({ length: 40 }, (_, index) =>
  Buffer.from(
    `streamtype\0stdin ${'ab'.repeat(index * 7)} port ${index ** 5} \u0000\xff`,
    'latin1',
  ),
)
const LEVELS = [0, 1, 6, 9]
const STRATEGIES = [
  ['default', constants.Z_DEFAULT_STRATEGY],
  ['Huffman only', constants.Z_HUFFMAN_ONLY],
  ['run lengths', constants.Z_RLE],
  ['fixed codes', constants.Z_FIXED],
] as const

describe('HeaderInflater', () => {
  test.each(
    STRATEGIES.flatMap(([name, strategy]) => LEVELS.map((level) => ({ name, strategy, level }))),
  )('reads what zlib writes: $name, level $level', async ({ strategy, level }) => {
    const inflater = new HeaderInflater()
    const compressed = await deflated(BLOCKS, { level, strategy })
    expect(compressed.map((bytes) => inflater.inflate(bytes).toString('latin1'))).toEqual(
      BLOCKS.map((block) => block.toString('latin1')),
    )
  })

  test('refuses another dictionary, no dictionary, and what ends within a block', async () => {
    const [whole = Buffer.alloc(0)] = await deflated(BLOCKS.slice(5, 6), { level: 6, strategy: 0 })
    const other = Buffer.from(whole)
    other.writeUInt32BE(1, 2)
    const none = Buffer.concat([Buffer.from([0x78, 0x9c]), whole.subarray(6)])
    for (const bytes of [
      other,
      none,
      whole.subarray(0, -4),
      Buffer.concat([whole, Buffer.from([3])]),
    ]) {
      expect(() => new HeaderInflater().inflate(bytes)).toThrow(/cannot be decompressed/)
    }
  })

  test('takes any bytes, or refuses them', async () => {
    const [whole = Buffer.alloc(0)] = await deflated([BLOCKS[9] ?? Buffer.alloc(0)], {
      ...{ level: 6, strategy: 0 },
    })
    const head = whole.subarray(0, 6)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.nat(whole.length - 1), (bytes, at) => {
        const changed = Buffer.from(whole)
        changed[at] = bytes[0] ?? 0
        for (const one of [Buffer.concat([head, bytes]), changed]) {
          expect(sizeOf(one)).toBeLessThanOrEqual(16 * 1024)
        }
      }),
      { seed: 10, numRuns: 500 },
    )
  })
})

/** Of the headers; 0 for what is refused. */
function sizeOf(compressed: Buffer): number {
  try {
    return new HeaderInflater().inflate(compressed).length
  } catch (error) {
    expect(error).toMatchObject({ name: 'Unreadable' })
    return 0
  }
}
