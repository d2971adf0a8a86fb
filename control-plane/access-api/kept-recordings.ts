import type { KeptRecordingsObject } from '../../api/objects/audit-store-object.ts'
import type { RecordingStore } from '../store/recording-store.ts'
import { toTime } from './access-object.ts'

/** Segments that one look compares with their digests: at most as many MiB, and a fraction of a second. */
const SEGMENTS_LOOK = 64
/** Whoever asks more often gets the result of the last look. */
const LOOK_MS = 30_000

/** What bounds recordings, in bytes. */
export interface RecordingBounds {
  /** 0 is no limit. */
  readonly bytesMax: number
  readonly freeBytesMin: number
}

/** Tells how the recordings are; each look compares other segments. */
export class KeptRecordings {
  readonly #recordings: Pick<RecordingStore, 'size' | 'totals' | 'verify'>
  readonly #bounds: RecordingBounds
  readonly #now: () => number
  #look: ReturnType<RecordingStore['verify']> | undefined
  #lookedAtMs = 0

  constructor(
    recordings: Pick<RecordingStore, 'size' | 'totals' | 'verify'>,
    bounds: RecordingBounds,
    now: () => number,
  ) {
    this.#recordings = recordings
    this.#bounds = bounds
    this.#now = now
  }

  /** Throws `audit_unavailable`. */
  async read(): Promise<KeptRecordingsObject> {
    const nowMs = this.#now()
    if (this.#look === undefined || nowMs - this.#lookedAtMs >= LOOK_MS) {
      this.#lookedAtMs = nowMs
      this.#look = this.#recordings.verify(SEGMENTS_LOOK)
    }
    const look = await this.#look
    const { bytes, open, unlistedFiles, unlistedBytes } = this.#recordings.size()
    const { count, imported, oldestBeganAtMs } = this.#recordings.totals()
    return {
      ...{ count, imported, live: open, bytes, ...this.#bounds },
      ...(oldestBeganAtMs === undefined ? {} : { oldestBeganAt: toTime(oldestBeganAtMs) }),
      ...{ unlistedFiles, unlistedBytes, comparedSegments: look.segments, segments: look.of },
      ...{ comparedBytes: look.bytes, damaged: look.damaged },
    }
  }
}
