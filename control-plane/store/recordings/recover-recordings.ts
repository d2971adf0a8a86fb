import { assert } from '../../../core/assert.ts'
import type { CommitQueue } from '../sqlite/commit-queue.ts'
import { type ChunkFrame, encodeFrame } from './chunk-frame.ts'
import { leftInJournal, removeJournal } from './chunk-journal.ts'
import type { RecordingRows } from './recording-rows.ts'
import { removeUnknownSegments, writeSegment } from './segment-file.ts'

/** Bytes of chunks that wait in memory for a segment, of all recordings together. */
const HELD_BYTES_MAX = 32 * 1_024 * 1_024

export interface Recovery {
  readonly rows: RecordingRows
  readonly queue: CommitQueue
  readonly folder: string
  readonly now: () => number
}

/**
 * Ends what an earlier process left open: each whole chunk of its journal gets a segment, and the record says that the
 * session was interrupted. May be interrupted itself: what has a segment is not taken again.
 */
export async function recoverRecordings(recovery: Recovery): Promise<void> {
  const { rows, queue, folder, now } = recovery
  const left = new LeftChunks(recovery)
  for await (const frame of leftInJournal(folder)) await left.add(frame)
  await left.flush()
  for (const id of rows.open()) {
    const reason = 'the control plane ended before the session did'
    await queue.commit(() => rows.end(id, { ending: 'interrupted', reason, endedAtMs: now() }))
  }
  await removeJournal(folder)
  await removeUnknownSegments(folder, (id) => rows.isKnown(id))
}

class LeftChunks {
  readonly #recovery: Recovery
  readonly #open: ReadonlySet<string>
  readonly #held = new Map<string, ChunkFrame[]>()
  readonly #next = new Map<string, number>()
  #bytes = 0

  constructor(recovery: Recovery) {
    this.#recovery = recovery
    this.#open = new Set(recovery.rows.open())
  }

  async add(frame: ChunkFrame): Promise<void> {
    const { id, number, bytes } = frame
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
      const [first, last] = [frames[0], frames.at(-1)]
      assert(first !== undefined && last !== undefined, 'who is held has a chunk')
      const chunks = { firstChunk: first.number, lastChunk: last.number }
      const raw = Buffer.concat(frames.map(encodeFrame))
      const segment = await writeSegment(folder, { id, number, ...chunks, raw })
      await queue.commit(() => rows.insertSegment(segment, last.lastUs))
    }
    this.#held.clear()
    this.#bytes = 0
  }
}
