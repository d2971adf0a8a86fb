/** How a delivery is. */
export type NotificationPhase = 'Waiting' | 'Delivered' | 'Dead'

/** One notice for one target. */
export interface Notification {
  /** Unique: of the notice and of the target. */
  readonly name: string
  readonly namespace: string
  readonly request: string
  readonly type: string
  readonly webhook: string
  /** Unix milliseconds. */
  readonly createdAtMs: number
  readonly phase: NotificationPhase
  readonly attempts: number
  readonly lastAttemptAtMs?: number
  readonly nextAttemptAtMs?: number
  /** Why it failed last; without address and answer. */
  readonly reason: string
  /** Place in the list, from 1. */
  readonly sequence: number
  readonly revision: number
}

/** What changed; `gone` for one that made room. */
export interface NotificationChange {
  readonly notification: Notification
  readonly gone: boolean
}

/** Listed at most; the oldest that is not waiting goes first. */
export const NOTIFICATIONS_MAX = 1_000
/** Changes that a watch can still be told of. */
const CHANGES_MAX = 4_000

type NewNotification = Omit<Notification, 'sequence' | 'revision'>

/**
 * Deliveries that wait, that succeeded and that were given up, as long as the process runs. A restart begins with none,
 * and each request that is still open is announced again.
 */
export class NotificationLog {
  readonly #byName = new Map<string, Notification>()
  readonly #listeners = new Set<() => void>()
  #changes: (NotificationChange & { readonly revision: number })[] = []
  #revision: number
  #sequence = 0
  #forgottenUntil: number

  /** `startedAtMs` makes revisions of a later process higher than those of an earlier one. */
  constructor(startedAtMs: number) {
    this.#revision = startedAtMs
    this.#forgottenUntil = startedAtMs
  }

  /** Writes one down, or how it is by now. */
  put(notification: NewNotification): void {
    const sequence = this.#byName.get(notification.name)?.sequence ?? this.#sequence + 1
    this.#sequence = Math.max(this.#sequence, sequence)
    const entry = { ...notification, sequence, revision: this.#revision + 1 }
    this.#byName.set(notification.name, entry)
    this.#note(entry, false)
    if (this.#byName.size > NOTIFICATIONS_MAX) this.#makeRoom()
    for (const listener of this.#listeners) listener()
  }

  get(name: string): Notification | undefined {
    return this.#byName.get(name)
  }

  /** In the order in which they were made, after a place in the list. */
  list(afterSequence: number): readonly Notification[] {
    return [...this.#byName.values()]
      .filter(({ sequence }) => sequence > afterSequence)
      .sort((one, other) => one.sequence - other.sequence)
  }

  /** Highest revision. */
  revision(): number {
    return this.#revision
  }

  /** Up to which revision changes are no longer known. */
  forgottenUntil(): number {
    return this.#forgottenUntil
  }

  /** What changed after a revision, in order; undefined when that is no longer known. */
  changesAfter(
    revision: number,
  ): readonly (NotificationChange & { readonly revision: number })[] | undefined {
    if (revision < this.#forgottenUntil) return undefined
    return this.#changes.filter((change) => change.revision > revision)
  }

  /** Calls back after each change; returns the way to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #makeRoom(): void {
    const oldest = this.list(0).find(({ phase }) => phase !== 'Waiting')
    if (oldest === undefined) return
    this.#byName.delete(oldest.name)
    this.#note({ ...oldest, revision: this.#revision + 1 }, true)
  }

  #note(notification: Notification, gone: boolean): void {
    this.#revision = notification.revision
    this.#changes.push({ notification, gone, revision: notification.revision })
    if (this.#changes.length <= CHANGES_MAX) return
    const dropped = this.#changes.splice(0, CHANGES_MAX / 2)
    this.#forgottenUntil = dropped.at(-1)?.revision ?? this.#forgottenUntil
  }
}
