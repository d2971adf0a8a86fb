import { createHash } from 'node:crypto'
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { assert } from '../../../core/assert.ts'
import { type ChunkFrame, encodeFrame, framesOf } from './chunk-frame.ts'
import { namesIn, syncFolder } from './recordings-folder.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
const NAME = /^([0-7][0-9A-HJKMNP-TV-Z]{25})-\d{8}\.zst$/

/** A compressed part of one recording. */
export interface Segment {
  readonly id: string
  /** From 1. */
  readonly number: number
  readonly firstChunk: number
  readonly lastChunk: number
  readonly rawBytes: number
  readonly storedBytes: number
  /** Of the file. */
  readonly sha256: Buffer
}

/** Resolves once the file of a segment is on disk; it takes the place of one that was not finished. */
export async function writeSegment(
  folder: string,
  id: string,
  number: number,
  frames: readonly ChunkFrame[],
): Promise<Segment> {
  const [first, last] = [frames[0], frames.at(-1)]
  assert(first !== undefined && last !== undefined, 'a segment holds a chunk')
  const raw = Buffer.concat(frames.map(encodeFrame))
  const bytes = await compress(raw)
  const handle = await open(join(folder, nameOf(id, number)), 'w', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await syncFolder(folder)
  return {
    ...{ id, number, firstChunk: first.number, lastChunk: last.number },
    ...{ rawBytes: raw.length, storedBytes: bytes.length },
    sha256: createHash('sha256').update(bytes).digest(),
  }
}

/** The chunks of a segment. Throws when the file is not what was written. */
export async function readSegment(folder: string, segment: Segment): Promise<ChunkFrame[]> {
  const bytes = await readFile(join(folder, nameOf(segment.id, segment.number)))
  if (!createHash('sha256').update(bytes).digest().equals(segment.sha256)) {
    throw new Error('the digest of a segment is not the one on record')
  }
  const raw = await decompress(bytes, { maxOutputLength: segment.rawBytes })
  return [...framesOf(raw)]
}

/** Removes the files of recordings that are `known` no longer. */
export async function removeUnknownSegments(
  folder: string,
  isKnown: (id: string) => boolean,
): Promise<void> {
  for (const name of await namesIn(folder)) {
    const id = NAME.exec(name)?.[1]
    if (id !== undefined && !isKnown(id)) await rm(join(folder, name), { force: true })
  }
}

/** Removes the files of some segments. */
export async function removeSegments(folder: string, segments: readonly Segment[]): Promise<void> {
  for (const { id, number } of segments) await rm(join(folder, nameOf(id, number)), { force: true })
}

const nameOf = (id: string, number: number) => `${id}-${String(number).padStart(8, '0')}.zst`
