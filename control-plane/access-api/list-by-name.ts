import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { AccessRequestFilter } from '../store/access-request-store.ts'
import {
  type ListPage,
  type ListRequest,
  pinnedNamespace,
  pinnedValue,
  READ_BATCH,
  type Selection,
} from './api-resource.ts'

/** What is kept in the order of its ids, which begin with the time. */
interface Stored {
  readonly id: string
  readonly createdAtMs: number
}

interface Source<Kept, Item> {
  /** At most `limit` after an id. */
  read(afterId: string, limit: number): readonly Kept[]
  /** The object, where the list is of it. */
  select(kept: Kept): Item | undefined
}

/** One page of a list whose order is that of the ids. */
export async function listByName<Kept extends Stored, Item>(
  { limit, position, sinceMs = 0, untilMs = Infinity, tail }: ListRequest,
  newest: number,
  source: Source<Kept, Item>,
): Promise<ListPage<Item>> {
  const revision = position?.revision ?? newest
  const objects: Item[] = []
  let afterName = position?.afterName ?? ''
  for (;;) {
    const batch = source.read(afterName, READ_BATCH)
    for (const kept of batch) {
      const { id, createdAtMs } = kept
      const inTime = createdAtMs >= sinceMs && createdAtMs < untilMs
      const object = inTime ? source.select(kept) : undefined
      if (object !== undefined) {
        if (tail === undefined && objects.length === limit) {
          return { objects, revision, next: { afterSequence: 0, afterName, revision } }
        }
        objects.push(object)
        if (objects.length > (tail ?? Infinity)) objects.shift()
      }
      afterName = id
    }
    if (batch.length < READ_BATCH) return { objects, revision }
    await letOthersRun()
  }
}

/** Reads the one object whose name a selection pins, instead of all; undefined when it pins none. */
export function readPinned<Kept extends Stored>(
  selection: Selection,
  get: (name: string) => Kept | undefined,
): ((afterId: string) => readonly Kept[]) | undefined {
  const name = pinnedValue(selection, 'metadata.name')
  if (name === undefined) return undefined
  return (afterId) => {
    const found = afterId < name ? get(name) : undefined
    return found === undefined ? [] : [found]
  }
}

/** What a selection pins, as the store filters by it. */
export function toAccessFilter(selection: Selection): AccessRequestFilter {
  const filter = {
    namespace: pinnedNamespace(selection),
    pod: pinnedValue(selection, 'spec.pod'),
    rootRequester: pinnedValue(selection, 'spec.rootRequester'),
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

/** Whether the path of a list or a watch leads to an object. */
export function isInNamespace(
  { namespace }: Selection,
  { metadata }: { readonly metadata: { readonly namespace: string } },
): boolean {
  return namespace === '' || namespace === metadata.namespace
}
