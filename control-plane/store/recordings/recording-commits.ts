import { Fault } from '../../../core/fault.ts'
import type { CommitQueue } from '../sqlite/commit-queue.ts'
import type { RecordingChanges } from './recording-changes.ts'
import type { RecordingRows } from './recording-rows.ts'

/** Writes about recordings, one after the other with all other writes to the database. */
export class RecordingCommits {
  readonly #queue: CommitQueue
  readonly #rows: RecordingRows
  readonly #changes: RecordingChanges

  constructor(queue: CommitQueue, rows: RecordingRows, changes: RecordingChanges) {
    this.#queue = queue
    this.#rows = rows
    this.#changes = changes
  }

  /** Tells those who watch about a write of their recording, once it is on disk. Throws `audit_unavailable`. */
  async commit(id: string, write: () => void): Promise<void> {
    this.#changes.add({ revision: await this.write(write), id })
  }

  /** Resolves with the revision after a write, once it is on disk. Throws `audit_unavailable`, and a Fault of the write. */
  async write(write: () => void): Promise<number> {
    let revision = 0
    let fault: Fault | undefined
    await this.#queue.commit(() => {
      try {
        write()
      } catch (error) {
        // What the write itself refuses is no trouble of the disk.
        if (!(error instanceof Fault)) throw error
        fault = error
      }
      revision = this.#rows.revision()
    })
    if (fault !== undefined) throw fault
    return revision
  }
}
