import type { RecordingChange } from '../recording-store.ts'

/** More than come while a watch begins again. */
const KEPT_MAX = 2_000

/** The newest changes, for those who watch; those of before the process began are not known. */
export class RecordingChanges {
  #kept: RecordingChange[] = []
  #forgottenUntil: number
  readonly #listeners = new Set<() => void>()

  constructor(revision: number) {
    this.#forgottenUntil = revision
  }

  /** Keeps a change, and calls all who listen. */
  add(change: RecordingChange): void {
    this.#kept.push(change)
    if (this.#kept.length > 2 * KEPT_MAX) {
      this.#forgottenUntil = this.#kept[this.#kept.length - KEPT_MAX - 1]?.revision ?? 0
      this.#kept = this.#kept.slice(-KEPT_MAX)
    }
    this.tell()
  }

  /** Calls all who listen. */
  tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Up to which revision none is known. */
  get forgottenUntil(): number {
    return this.#forgottenUntil
  }

  /** Undefined when some are no longer known. */
  after(revision: number): readonly RecordingChange[] | undefined {
    if (revision < this.#forgottenUntil) return undefined
    return this.#kept.filter((change) => change.revision > revision)
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
