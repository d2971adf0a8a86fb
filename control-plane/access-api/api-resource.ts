import type { Column } from '../../api/columns/column.ts'
import type { AccessObject } from '../../api/objects/access-object.ts'
import type { FieldRequirement } from '../../core/kubernetes/field-selector.ts'

/** What a list or a watch is about. */
export interface Selection {
  /** Empty for all namespaces. */
  readonly namespace: string
  readonly requirements: readonly FieldRequirement[]
}

/** Where a list goes on; it travels in the continue token. */
export interface ListPosition {
  /** Sequence of the last record that was looked at. */
  readonly afterSequence: number
  /** Name of the last object that was looked at, where the names are the order. */
  readonly afterName?: string
  /** Revision of the first page, which is the one of the whole list. */
  readonly revision: number
  /** Records after this one are left to a watch. */
  readonly untilSequence?: number
}

export interface ListRequest {
  readonly limit: number
  readonly position?: ListPosition
  /** Only what was made at or after this time. Unix milliseconds. */
  readonly sinceMs?: number
  /** Only what was made before this time. Unix milliseconds. */
  readonly untilMs?: number
  /** Name of an object: only what was put on record after it. */
  readonly after?: string
  /** Only the newest ones, this many at most. */
  readonly tail?: number
}

export interface ListPage<Item> {
  readonly objects: readonly Item[]
  readonly revision: number
  /** Absent on the last page. */
  readonly next?: ListPosition
}

export interface ObjectChange<Item> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: Item
}

export interface ChangePage<Item> {
  readonly changes: readonly ObjectChange<Item>[]
  /** Everything up to here is in this page or in an earlier one. */
  readonly revision: number
  /** True when another page is ready. */
  readonly more: boolean
}

/** Reads the changes of one watch, in order; each call goes on where the last one ended. */
export interface ChangeReader<Item> {
  /** Takes note of an object that the watcher got as one that was there before. */
  know(object: Item): void
  next(): Promise<ChangePage<Item>>
}

/** From where to where changes can be told. */
export interface RevisionBounds {
  /** Up to which revision changes are no longer told, since their objects were removed; 0 for none. */
  readonly removedUntil: number
  /** Highest revision of the store. */
  readonly newest: number
}

/** One resource of the API, read from its store. Every reading method may throw `audit_unavailable`. */
export interface ApiResource<Item extends AccessObject = AccessObject> {
  /** Plural name, as in the path. */
  readonly resource: string
  readonly kind: Item['kind']
  readonly singular: string
  readonly columns: readonly Column<Item>[]
  readonly description: string
  /** What can be done besides get, list and watch; nothing where it is absent. */
  readonly actions?: ResourceActions
  /** What field selectors may name. */
  readonly fields: readonly string[]
  get(namespace: string, name: string): Promise<Item | undefined>
  list(selection: Selection, request: ListRequest): Promise<ListPage<Item>>
  bounds(): Promise<RevisionBounds>
  /**
   * Why nothing can be listed after the object of this name: it was removed. Undefined when it was not, and for
   * a resource whose objects are never removed.
   */
  whyGone(name: string): Promise<string | undefined>
  openChanges(selection: Selection, afterRevision: number): Promise<ChangeReader<Item>>
  onCommit(listener: () => void): () => void
}

/** What can be done with an object besides reading it. */
export interface ResourceActions {
  readonly verbs: readonly string[]
  /** Their verbs, by the name of the subresource. */
  readonly subresources: Readonly<Record<string, readonly string[]>>
  /** Kinds that subresources answer with, where that is not the object's own; `stream` is no object. */
  readonly answers?: Readonly<Record<string, string>>
}

/** How many records one read of a store returns. */
export const READ_BATCH = 200

/** True when the object has every required value. */
export function isSelected<Item>(
  fields: Readonly<Record<string, (object: Item) => string>>,
  requirements: readonly FieldRequirement[],
  object: Item,
): boolean {
  return requirements.every(({ field, operator, value }) => {
    const actual = fields[field]?.(object)
    return operator === '=' ? actual === value : actual !== value
  })
}

/** The value that a selection pins for a field, if it does. */
export function pinnedValue(selection: Selection, field: string): string | undefined {
  return selection.requirements.find(
    (requirement) => requirement.field === field && requirement.operator === '=',
  )?.value
}

/** The namespace that a selection pins by its path or by a field selector. */
export function pinnedNamespace(selection: Selection): string | undefined {
  return selection.namespace === ''
    ? pinnedValue(selection, 'metadata.namespace')
    : selection.namespace
}

/** A resource as it is to a label selector that none of its objects satisfies. */
export function withoutObjects(resource: ApiResource): ApiResource {
  return {
    ...resource,
    list: async () => ({ objects: [], revision: (await resource.bounds()).newest }),
    openChanges: async () => ({
      know: () => {},
      async next() {
        const { newest } = await resource.bounds()
        return { changes: [], revision: newest, more: false }
      },
    }),
  }
}
