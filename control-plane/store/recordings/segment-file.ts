import { createHash } from 'node:crypto'
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { type ChunkFrame, framesOf } from './chunk-frame.ts'
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

/** What a segment is made of. */
export interface SegmentContent
  extends Pick<Segment, 'id' | 'number' | 'firstChunk' | 'lastChunk'> {
  /** The frames of its chunks; may be changed once the segment is on disk. */
  readonly raw: Uint8Array
}

/** Resolves once the file of a segment is on disk; it takes the place of one that was not finished. */
export async function writeSegment(
  folder: string,
  { raw, ...names }: SegmentContent,
): Promise<Segment> {
  const bytes = await compress(raw)
  const handle = await open(join(folder, nameOf(names.id, names.number)), 'w', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await syncFolder(folder)
  return {
    ...names,
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
