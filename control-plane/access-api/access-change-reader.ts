import { Fault } from '../../core/fault.ts'
import type { ChangedAccess } from '../store/access-request-store.ts'
import { type ChangeReader, type ObjectChange, READ_BATCH } from './api-resource.ts'

/** Where changes of requests and grants are read from. */
export interface AccessChanges {
  changesAfter(revision: number, limit: number): readonly ChangedAccess[] | undefined
}

interface NamedObject {
  readonly metadata: { readonly name: string }
}

/** An object that changed, or is not there any more for who watches. */
export interface ChangedObject<Item> {
  readonly object: Item
  readonly gone: boolean
}

/** The changes of one watch: an object is added when the watcher sees it first. */
export class AccessChangeReader<Item extends NamedObject> implements ChangeReader<Item> {
  readonly #source: AccessChanges
  /** What a change is to the watch; undefined for what it does not select. */
  readonly #toChanged: (change: ChangedAccess) => ChangedObject<Item> | undefined
  readonly #known = new Set<string>()
  #cursor: number

  constructor(
    source: AccessChanges,
    toChanged: (change: ChangedAccess) => ChangedObject<Item> | undefined,
    afterRevision: number,
  ) {
    this.#source = source
    this.#toChanged = toChanged
    this.#cursor = afterRevision
  }

  know({ metadata }: Item): void {
    this.#known.add(metadata.name)
  }

  async next() {
    const found = this.#source.changesAfter(this.#cursor, READ_BATCH)
    if (found === undefined) {
      throw new Fault('audit_unavailable', 'Changes of approvals were missed: list again')
    }
    const changes = found.flatMap((change) => {
      const changed = this.#toChanged(change)
      return changed === undefined ? [] : [this.#toChange(changed)]
    })
    this.#cursor = found.at(-1)?.revision ?? this.#cursor
    return { changes, revision: this.#cursor, more: found.length === READ_BATCH }
  }

  #toChange({ object, gone }: ChangedObject<Item>): ObjectChange<Item> {
    const { name } = object.metadata
    if (gone) {
      this.#known.delete(name)
      return { type: 'DELETED', object }
    }
    const type = this.#known.has(name) ? 'MODIFIED' : 'ADDED'
    this.#known.add(name)
    return { type, object }
  }
}
