import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImportedSession } from '../recording-store.ts'
import type { ChunkFrame } from './chunk-frame.ts'
import {
  moveSegments,
  removeSegments,
  type Segment,
  segmentOf,
  writeSegment,
} from './segment-file.ts'

/** Below the folder of the recordings: what is not whole yet. Emptied at each start. */
const FOLDER = 'importing'

/** A session whose segments are on disk. */
export interface WrittenImport {
  readonly segments: readonly Segment[]
  /** Of its last event, in microseconds. */
  readonly durationUs: number
}

/**
 * Writes the segments of a session that was recorded elsewhere, each of about `segmentBytes`, and resolves once they
 * are all where segments are. Throws what the chunks throw; then none is left.
 */
export async function writeImport(
  folder: string,
  { id, chunks }: ImportedSession,
  segmentBytes: number,
): Promise<WrittenImport> {
  const place = join(folder, FOLDER)
  await mkdir(place, { recursive: true, mode: 0o700 })
  const segments: Segment[] = []
  let frames: ChunkFrame[] = []
  let bytes = 0
  let durationUs = 0
  async function seal(): Promise<void> {
    if (frames.length === 0) return
    segments.push(await writeSegment(place, segmentOf(id, segments.length + 1, frames)))
    frames = []
    bytes = 0
  }
  try {
    for await (const chunk of chunks) {
      frames.push({ ...chunk, id })
      bytes += chunk.bytes.length
      durationUs = chunk.lastUs
      if (bytes >= segmentBytes) await seal()
    }
    await seal()
    await moveSegments(place, folder, segments)
  } catch (error) {
    await removeSegments(place, segments)
    await removeSegments(folder, segments)
    throw error
  }
  return { segments, durationUs }
}

/** Removes what a process that ended while it imported has left. */
export async function clearImports(folder: string): Promise<void> {
  await rm(join(folder, FOLDER), { recursive: true, force: true })
}
