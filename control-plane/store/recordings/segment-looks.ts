import type { SegmentLook } from '../recording-store.ts'
import type { RecordingRows } from './recording-rows.ts'
import { isWhole } from './segment-file.ts'

/** Compares segments with their digests, some at a time; after the last it begins again. */
export class SegmentLooks {
  readonly #folder: string
  readonly #rows: RecordingRows
  #id = ''
  #number = 0

  constructor(folder: string, rows: RecordingRows) {
    this.#folder = folder
    this.#rows = rows
  }

  async next(segmentsMax: number): Promise<SegmentLook> {
    const segments = this.#rows.segmentsAfter(this.#id, this.#number, segmentsMax)
    const damaged = new Set<string>()
    for (const segment of segments) {
      if (await isWhole(this.#folder, segment)) continue
      // Gone with its session meanwhile is not damaged.
      if (this.#rows.hasSegment(segment.id, segment.number)) damaged.add(segment.id)
    }
    const last = segments.length < segmentsMax ? undefined : segments.at(-1)
    this.#id = last?.id ?? ''
    this.#number = last?.number ?? 0
    return {
      segments: segments.length,
      bytes: segments.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
      of: this.#rows.countSegments(),
      damaged: [...damaged],
    }
  }
}
