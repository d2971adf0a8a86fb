import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  aStoredChunk,
  openRecordingParts,
  RECORDING_ID,
  type RecordingParts,
} from '../../../test/support/recording-parts.ts'
import type { StoredChunk } from '../recording-store.ts'
import { readSegment } from './segment-file.ts'
import { clearImports, writeImport } from './write-import.ts'

let parts: RecordingParts
beforeEach(async () => {
  parts = await openRecordingParts()
})
afterEach(() => parts.close())

const CHUNKS = [1, 2, 3].map((number) => aStoredChunk(number, 'x'.repeat(60)))

function write(chunks: readonly StoredChunk[], error?: Error) {
  async function* read(): AsyncGenerator<StoredChunk> {
    yield* chunks
    if (error !== undefined) throw error
  }
  const session = { id: RECORDING_ID, chunks: read(), summary: () => expect.unreachable() }
  return writeImport(parts.folder, session, 100)
}
const files = async () => (await readdir(parts.folder, { recursive: true })).toSorted()

test('writeImport() makes segments, and puts them where segments are once all are whole', async () => {
  const { segments, durationUs } = await write(CHUNKS)
  expect([segments.map(({ number }) => number), durationUs]).toEqual([[1, 2], 3])
  expect(await files()).toEqual([
    `${RECORDING_ID}-00000001.zst`,
    `${RECORDING_ID}-00000002.zst`,
    'importing',
  ])
  const read = await Promise.all(segments.map((segment) => readSegment(parts.folder, segment)))
  expect(read.flat().map(({ number }) => number)).toEqual([1, 2, 3])
})

test('writeImport() leaves nothing of a file that breaks off', async () => {
  await expect(write(CHUNKS, new Error('Line 3'))).rejects.toThrow('Line 3')
  expect(await files()).toEqual(['importing'])
})

test('writeImport() makes no segment of nothing', async () => {
  expect(await write([])).toEqual({ segments: [], durationUs: 0 })
})

test('clearImports() removes what an earlier process left, and nothing where there is none', async () => {
  await clearImports(parts.folder)
  await mkdir(join(parts.folder, 'importing'))
  await writeFile(join(parts.folder, 'importing', 'a.zst'), '')
  await clearImports(parts.folder)
  expect(await files()).toEqual([])
})
