import { setImmediate as letOthersRun } from 'node:timers/promises'
import { CHAIN_COLUMNS } from '../../api/columns/chain-columns.ts'
import type { ChainObject } from '../../api/objects/access-objects.ts'
import type { ChainStory } from '../chains/chain-story.ts'
import type { PodBinding, PodBindingFilter, PodBindingStore } from '../store/pod-binding-store.ts'
import { boundPod, toChainObject } from './access-object.ts'
import {
  type ApiResource,
  type ChangePage,
  type ChangeReader,
  isSelected,
  type ListPage,
  type ListRequest,
  type ObjectChange,
  pinnedNamespace,
  pinnedValue,
  READ_BATCH,
  type Selection,
} from './api-resource.ts'

/** What is read of the bindings; nothing here writes. */
export type PodBindingReader = Pick<PodBindingStore, 'list' | 'onCommit'>

/** A chain of a list or a watch. */
type Show = (binding: PodBinding, resourceVersion?: number) => ChainObject

const FIELDS = {
  'metadata.name': ({ metadata }: ChainObject) => metadata.name,
  'metadata.namespace': ({ metadata }: ChainObject) => metadata.namespace,
  'spec.rootRequester': ({ spec }: ChainObject) => spec.rootRequester.username,
}

/**
 * Resource `chains`: one for each pod name, that of the pod of this name whose sidecar enrolled
 * last. What was only admitted is not shown: its name may belong to another pod.
 */
export function createChainResource(
  bindings: PodBindingReader,
  story: ChainStory,
): ApiResource<ChainObject> {
  const toldOf = (binding: PodBinding) => ({
    endsAtMs: story.endsAtMs(binding),
    state: story.stateOf(binding),
  })
  const shown: Show = (binding, resourceVersion) =>
    toChainObject(binding, toldOf(binding), resourceVersion)
  return {
    resource: 'chains',
    kind: 'Chain',
    singular: 'chain',
    columns: CHAIN_COLUMNS,
    description: 'The delegation chain of one injected pod: for whom it acts, and through whom.',
    fields: Object.keys(FIELDS),
    async get(namespace, name) {
      const binding = await newestBefore(bindings, { namespace, pod: name }, Infinity)
      if (binding === undefined) return undefined
      const touches = await story.touchesOf(binding)
      return toChainObject(binding, { ...toldOf(binding), touches })
    },
    list: (selection, request) => listChains(bindings, shown, selection, request),
    bounds: async () => ({ removedUntil: 0, newest: await newestSequence(bindings) }),
    whyGone: async () => undefined,
    async openChanges(selection, afterRevision) {
      return createChainChanges(bindings, shown, selection, afterRevision)
    },
    onCommit: (listener) => bindings.onCommit(listener),
  }
}

async function listChains(
  bindings: PodBindingReader,
  shown: Show,
  selection: Selection,
  { limit, position }: ListRequest,
): Promise<ListPage<ChainObject>> {
  const filter = placeFilter(selection, pinnedValue(selection, 'spec.rootRequester'))
  const objects: ChainObject[] = []
  let afterSequence = position?.afterSequence ?? 0
  const revision = position?.revision ?? (await newestSequence(bindings))
  for (;;) {
    const batch = await bindings.list(filter, { afterSequence, limit: READ_BATCH })
    for (const binding of batch.bindings) {
      // Enrolled after the list began: a watch from its revision tells of it.
      if (binding.sequence > revision) return { objects, revision }
      const object = shown(binding)
      const listed =
        isSelected(FIELDS, selection.requirements, object) &&
        !(await isSuperseded(bindings, binding, revision))
      if (listed && objects.length === limit) {
        return { objects, revision, next: { afterSequence, revision } }
      }
      if (listed) objects.push(object)
      afterSequence = binding.sequence
    }
    if (batch.bindings.length < READ_BATCH) return { objects, revision }
    await letOthersRun()
  }
}

async function newestSequence(bindings: PodBindingReader): Promise<number> {
  const page = await bindings.list({}, { afterSequence: Number.MAX_SAFE_INTEGER, limit: 1 })
  return page.sequence
}

/** A pod of the same name enrolled later, yet no later than the revision that is listed. */
async function isSuperseded(
  bindings: PodBindingReader,
  binding: PodBinding,
  revision: number,
): Promise<boolean> {
  const { namespace, name } = boundPod(binding.chain)
  const later = await bindings.list(
    { namespace, pod: name },
    { afterSequence: binding.sequence, limit: 1 },
  )
  return later.bindings.some(({ sequence }) => sequence <= revision)
}

async function newestBefore(
  bindings: PodBindingReader,
  filter: PodBindingFilter,
  beforeSequence: number,
): Promise<PodBinding | undefined> {
  let newest: PodBinding | undefined
  for (;;) {
    const batch = await bindings.list(filter, {
      afterSequence: newest?.sequence ?? 0,
      limit: READ_BATCH,
    })
    for (const binding of batch.bindings) {
      if (binding.sequence >= beforeSequence) return newest
      newest = binding
    }
    if (batch.bindings.length < READ_BATCH) return newest
    await letOthersRun()
  }
}

/** A pod made again under the same name: the old chain goes, the new one comes. */
function createChainChanges(
  bindings: PodBindingReader,
  shown: Show,
  selection: Selection,
  afterRevision: number,
): ChangeReader<ChainObject> {
  // Not by root requester: the old chain may have another one than the new.
  const filter = placeFilter(selection, undefined)
  let cursor = afterRevision

  async function changesOf(binding: PodBinding): Promise<readonly ObjectChange<ChainObject>[]> {
    const { namespace, name } = boundPod(binding.chain)
    // Somebody joined or visited it: whoever watches knows it already.
    if (binding.firstSequence <= cursor) {
      const object = shown(binding)
      const selected = isSelected(FIELDS, selection.requirements, object)
      return selected ? [{ type: 'MODIFIED', object }] : []
    }
    const old = await newestBefore(bindings, { namespace, pod: name }, binding.sequence)
    const changes: ObjectChange<ChainObject>[] = [
      ...(old === undefined
        ? []
        : [{ type: 'DELETED' as const, object: shown(old, binding.sequence) }]),
      { type: 'ADDED', object: shown(binding) },
    ]
    return changes.filter(({ object }) => isSelected(FIELDS, selection.requirements, object))
  }

  async function next(): Promise<ChangePage<ChainObject>> {
    const batch = await bindings.list(filter, { afterSequence: cursor, limit: READ_BATCH })
    const changes: ObjectChange<ChainObject>[] = []
    for (const binding of batch.bindings) changes.push(...(await changesOf(binding)))
    const more = batch.bindings.length === READ_BATCH
    const last = batch.bindings.at(-1)?.sequence ?? cursor
    cursor = more ? last : Math.max(last, batch.sequence)
    return { changes, revision: cursor, more }
  }

  return { know: () => {}, next }
}

function placeFilter(selection: Selection, rootRequester: string | undefined): PodBindingFilter {
  const namespace = pinnedNamespace(selection)
  const pod = pinnedValue(selection, 'metadata.name')
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(pod === undefined ? {} : { pod }),
    ...(rootRequester === undefined ? {} : { rootRequester }),
  }
}
