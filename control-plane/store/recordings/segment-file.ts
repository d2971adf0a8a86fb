import { createHash } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { assert } from '../../../core/assert.ts'
import { type ChunkFrame, encodeFrame, framesOf } from './chunk-frame.ts'
import { CompressedBytes } from './compressed-bytes.ts'
import { syncFolder } from './recordings-folder.ts'

const decompress = promisify(zstdDecompress)
const NAME = /^([0-7][0-9A-HJKMNP-TV-Z]{25})-(\d{8})\.zst$/

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

/** What a segment is made of. */
export interface SegmentContent
  extends Pick<Segment, 'id' | 'number' | 'firstChunk' | 'lastChunk'> {
  /** The frames of its chunks; may be changed once the segment is on disk. */
  readonly raw: Uint8Array
}

/** What a segment of some chunks, at least one, is made of. */
export function segmentOf(
  id: string,
  number: number,
  frames: readonly ChunkFrame[],
): SegmentContent {
  const [first, last] = [frames[0], frames.at(-1)]
  assert(first !== undefined && last !== undefined, 'a segment has a chunk')
  const raw = Buffer.concat(frames.map(encodeFrame))
  return { id, number, firstChunk: first.number, lastChunk: last.number, raw }
}

/** Resolves once the file of a segment is on disk; it takes the place of one that was not finished. */
export async function writeSegment(
  folder: string,
  { raw, ...names }: SegmentContent,
): Promise<Segment> {
  const compressed = new CompressedBytes(raw)
  const handle = await open(join(folder, nameOf(names.id, names.number)), 'w', 0o600)
  try {
    await handle.writeFile(compressed.pieces())
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await syncFolder(folder)
  return {
    ...names,
    ...{ rawBytes: raw.length, storedBytes: compressed.length },
    sha256: compressed.digest(),
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

/** Whether the file of a segment is there and fits its digest. */
export async function isWhole(folder: string, segment: Segment): Promise<boolean> {
  try {
    const bytes = await readFile(join(folder, nameOf(segment.id, segment.number)))
    return createHash('sha256').update(bytes).digest().equals(segment.sha256)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Moves files of segments from one folder to another, where their names are on disk then. */
export async function moveSegments(
  from: string,
  to: string,
  segments: readonly Segment[],
): Promise<void> {
  for (const { id, number } of segments) {
    await rename(join(from, nameOf(id, number)), join(to, nameOf(id, number)))
  }
  await syncFolder(to)
}

/** The recording and the number that the name of a file stands for; undefined for any other name. */
export function parseSegmentName(
  name: string,
): { readonly id: string; readonly number: number } | undefined {
  const [, id, number] = NAME.exec(name) ?? []
  return id === undefined ? undefined : { id, number: Number(number) }
}

/** Removes the files of some segments. */
export async function removeSegments(
  folder: string,
  segments: readonly Pick<Segment, 'id' | 'number'>[],
): Promise<void> {
  for (const { id, number } of segments) await rm(join(folder, nameOf(id, number)), { force: true })
}

const nameOf = (id: string, number: number) => `${id}-${String(number).padStart(8, '0')}.zst`
