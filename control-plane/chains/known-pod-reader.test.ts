import { expect, test } from 'vitest'
import { createMemoryPodBindingStore } from '../../test/support/memory-stores.ts'
import { AGENT, aBinding } from '../../test/support/record-builders.ts'
import type { PodReader } from '../kubernetes/pod-reader.ts'
import type { PodBindingStore } from '../store/pod-binding-store.ts'
import { createKnownPodReader } from './known-pod-reader.ts'

const { namespace, name, podUid } = AGENT
const later = { ...AGENT, podUid: 'uid-of-a-namesake' }

interface World {
  readonly bindings: PodBindingStore
  /** The names that kube-apiserver was asked about. */
  readonly asked: string[]
  synced: boolean
  injected: boolean
  /** The pod of the name, as the watch tells, and as kube-apiserver would. */
  watched: string | undefined
  stored: string | undefined
  readonly reader: PodReader
}

/** The pod was admitted, is watched, and is what kube-apiserver has. */
async function aWorld(): Promise<World> {
  const bindings = createMemoryPodBindingStore()
  await bindings.record(aBinding([AGENT]))
  const world: World = {
    ...{ bindings, asked: [], synced: true, injected: true, watched: podUid, stored: podUid },
    reader: createKnownPodReader({
      bindings,
      living: {
        isSynced: () => world.synced,
        has: (pod) => pod.name === name && pod.podUid === world.watched,
      },
      isInjected: () => world.injected,
      read: async (_namespace, podName) => {
        world.asked.push(podName)
        return world.stored
      },
    }),
  }
  return world
}

test('readKnownPodUid() asks nobody about the pod that was admitted last and is watched', async () => {
  const world = await aWorld()
  world.stored = undefined
  expect(await world.reader(namespace, name)).toBe(podUid)
  expect(world.asked).toEqual([])
})

const admitNamesake = ({ bindings }: World) => bindings.record(aBinding([later]))

test.each<[string, (world: World) => unknown, string | undefined]>([
  ['of a watch that is not in sync', (world) => Object.assign(world, { synced: false }), podUid],
  ['of an opted-out namespace', (world) => Object.assign(world, { injected: false }), podUid],
  ['of a pod that the watch lost', (world) => Object.assign(world, { watched: undefined }), podUid],
  [
    'of a namesake that was admitted, and of which the watch does not tell yet',
    async (world) => {
      await admitNamesake(world)
      world.stored = later.podUid
    },
    later.podUid,
  ],
  ['of a namesake that was admitted and never stored', admitNamesake, podUid],
  [
    'of a pod of no chain, of which the watch tells',
    (world) => Object.assign(world, { watched: 'uid-of-no-chain', stored: 'uid-of-no-chain' }),
    'uid-of-no-chain',
  ],
  [
    'of a pod that is gone, and the watch knows it',
    (world) => Object.assign(world, { watched: undefined, stored: undefined }),
    undefined,
  ],
])('readKnownPodUid() asks kube-apiserver because %s', async (_why, change, answer) => {
  const world = await aWorld()
  await change(world)
  expect(await world.reader(namespace, name)).toBe(answer)
  expect(world.asked).toEqual([name])
})

test('readKnownPodUid() does not ask about a new pod of the same name once the watch has it', async () => {
  const world = await aWorld()
  await admitNamesake(world)
  world.watched = later.podUid
  expect(await world.reader(namespace, name)).toBe(later.podUid)
  expect(world.asked).toEqual([])
})

test('readKnownPodUid() asks when the watch is lost while the admissions are read', async () => {
  const world = await aWorld()
  const answer = world.reader(namespace, name)
  world.synced = false
  expect(await answer).toBe(podUid)
  expect(world.asked).toEqual([name])
})

test('readKnownPodUid() knows nobody of a name that was never admitted', async () => {
  const world = await aWorld()
  world.stored = undefined
  expect(await world.reader(namespace, 'other')).toBeUndefined()
  expect(world.asked).toEqual(['other'])
})

/** A reader that has nobody to know, and reads that are answered one by one. */
function heldReads() {
  const reads: PromiseWithResolvers<string | undefined>[] = []
  const reader = createKnownPodReader({
    bindings: createMemoryPodBindingStore(),
    living: { isSynced: () => false, has: () => false },
    isInjected: () => true,
    read: () => {
      const held = Promise.withResolvers<string | undefined>()
      reads.push(held)
      return held.promise
    },
  })
  return { reader, reads }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('readKnownPodUid() gives nobody an answer that is older than the question', async () => {
  const { reader, reads } = heldReads()
  const first = reader(namespace, name)
  const others = [reader(namespace, name), reader(namespace, name)]
  await turn()
  expect(reads).toHaveLength(1)
  reads[0]?.resolve('before')
  expect(await first).toBe('before')
  await turn()
  // One that asks while the second read is under way needs a third.
  const last = reader(namespace, name)
  await turn()
  expect(reads).toHaveLength(2)
  reads[1]?.resolve('after')
  expect(await Promise.all(others)).toEqual(['after', 'after'])
  await turn()
  reads[2]?.resolve('at last')
  expect(await last).toBe('at last')
  expect(reads).toHaveLength(3)
})

test('readKnownPodUid() asks again after a read that failed, and for each name by itself', async () => {
  const { reader, reads } = heldReads()
  const failed = reader(namespace, name)
  const waiting = reader(namespace, name)
  const other = reader(namespace, 'other')
  await turn()
  expect(reads).toHaveLength(2)
  reads[0]?.reject(new Error('no answer'))
  await expect(failed).rejects.toThrow('no answer')
  await turn()
  reads[1]?.resolve('of other')
  reads[2]?.resolve('again')
  expect(await waiting).toBe('again')
  expect(await other).toBe('of other')
})
