import { assert } from '../../../core/assert.ts'
import type { CommitQueue } from '../sqlite/commit-queue.ts'
import type { ChunkFrame } from './chunk-frame.ts'
import { journalNames, leftInJournal, removeJournal } from './chunk-journal.ts'
import type { RecordingRows } from './recording-rows.ts'
import { namesIn } from './recordings-folder.ts'
import { parseSegmentName, removeSegments, segmentOf, writeSegment } from './segment-file.ts'
import type { UnlistedFiles } from './unlisted-files.ts'
import { clearImports } from './write-import.ts'

/** Bytes of chunks that wait in memory for a segment, of all recordings together. */
const HELD_BYTES_MAX = 32 * 1_024 * 1_024

export interface Recovery {
  readonly rows: RecordingRows
  readonly queue: CommitQueue
  readonly folder: string
  readonly unlisted: UnlistedFiles
  readonly now: () => number
}

/**
 * Ends what an earlier process left open: each whole chunk of its journal gets a segment, and the record says that the
 * session was interrupted. May be interrupted itself: what has a segment is not taken again. What the database does not
 * list is set aside. Resolves with how many files that are.
 */
export async function recoverRecordings(recovery: Recovery): Promise<number> {
  const { rows, queue, folder, unlisted, now } = recovery
  await unlisted.open()
  await clearImports(folder)
  const left = new LeftChunks(recovery)
  for await (const frame of leftInJournal(folder)) await left.add(frame)
  await left.flush()
  for (const id of rows.open()) {
    const reason = 'the control plane ended before the session did'
    await queue.commit(() => rows.end(id, { ending: 'interrupted', reason, endedAtMs: now() }))
  }
  const strange = await sortSegments(folder, rows)
  // A chunk of a session that the database does not know may be all that there is of it.
  if (left.hasStrangers) strange.push(...(await journalNames(folder)))
  await unlisted.setAside(strange, now())
  await removeJournal(folder)
  return strange.length
}

/** Removes segments of recordings that somebody deleted, and names those that the database does not list. */
async function sortSegments(folder: string, rows: RecordingRows): Promise<string[]> {
  const strange: string[] = []
  for (const name of await namesIn(folder)) {
    const place = parseSegmentName(name)
    if (place === undefined || rows.hasSegment(place.id, place.number)) continue
    if (rows.isDeleted(place.id)) await removeSegments(folder, [place])
    else strange.push(name)
  }
  return strange
}

class LeftChunks {
  readonly #recovery: Recovery
  readonly #open: ReadonlySet<string>
  readonly #held = new Map<string, ChunkFrame[]>()
  readonly #next = new Map<string, number>()
  #bytes = 0
  #hasStrangers = false

  constructor(recovery: Recovery) {
    this.#recovery = recovery
    this.#open = new Set(recovery.rows.open())
  }

  /** Whether some chunks are of sessions that the database does not know. */
  get hasStrangers(): boolean {
    return this.#hasStrangers
  }

  async add(frame: ChunkFrame): Promise<void> {
    const { id, number, bytes } = frame
    this.#hasStrangers ||= !this.#recovery.rows.isKnown(id)
    // Without a gap, and nothing twice: the rest was not acknowledged, or has a segment.
    if (!this.#open.has(id) || number !== this.#nextOf(id)) return
    this.#next.set(id, number + 1)
    this.#held.set(id, [...(this.#held.get(id) ?? []), frame])
    this.#bytes += bytes.length
    if (this.#bytes > HELD_BYTES_MAX) await this.flush()
  }

  #nextOf(id: string): number {
    const next = this.#next.get(id)
    if (next !== undefined) return next
    return (this.#recovery.rows.segments(id).at(-1)?.lastChunk ?? 0) + 1
  }

  async flush(): Promise<void> {
    const { rows, queue, folder } = this.#recovery
    for (const [id, frames] of this.#held) {
      const number = rows.segments(id).length + 1
      const lastUs = frames.at(-1)?.lastUs
      assert(lastUs !== undefined, 'who is held has a chunk')
      const segment = await writeSegment(folder, segmentOf(id, number, frames))
      await queue.commit(() => rows.insertSegment(segment, lastUs))
    }
    this.#held.clear()
    this.#bytes = 0
  }
}
