import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UNATTRIBUTED } from '../../core/chain.ts'
import { codeDigest } from '../../core/templates/code-digest.ts'
import { createLogger } from '../../platform/logger.ts'
import { aUser, NOON_MS } from '../../test/support/record-builders.ts'
import type { ListedWorkload } from '../kubernetes/workload-lister.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { type ChainRegistry, createChainRegistry } from './chain-registry.ts'
import { noticeUnseenEdits } from './unseen-edits.ts'

let store: Store
let registry: ChainRegistry
let objects: ListedWorkload[]
let log: string[]

beforeEach(async () => {
  store = await openStore(':memory:')
  registry = createChainRegistry({ ...store, now: () => NOON_MS })
  objects = []
  log = []
})
afterEach(() => store.close())

interface Parts {
  readonly kind?: string
  readonly image?: string
  readonly generation?: number
  readonly createdAtMs?: number
  readonly owner?: string
}

function anObject(uid: string, parts: Parts = {}): ListedWorkload {
  const { kind = 'Deployment', image = 'one', generation = 1, createdAtMs = NOON_MS } = parts
  const controlled = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', controller: true }
  const ownerReferences = parts.owner === undefined ? [] : [{ ...controlled, uid: parts.owner }]
  return {
    group: 'apps',
    kind,
    object: {
      metadata: {
        ...{ name: uid, namespace: 'team', uid, generation, ownerReferences },
        creationTimestamp: new Date(createdAtMs),
        managedFields: [{ manager: 'kubectl-edit', operation: 'Update' }],
      },
      spec: { template: { spec: { containers: [{ name: 'a', image }] } } },
    },
  }
}

const alice = {
  ...{ user: aUser('alice'), namespace: 'team', controller: undefined, dryRun: false },
}

/** An object with its code, as the webhook hands it over. */
async function tell(
  { group, kind, object }: ListedWorkload,
  by: 'recordCreated' | 'recordChanged' = 'recordCreated',
): Promise<void> {
  const { uid = '', name = '', generation = 0, ownerReferences = [] } = object.metadata ?? {}
  const [controller] = ownerReferences
  const code = codeDigest(`${group}/${kind}`, object)
  const workload = { uid, apiVersion: 'apps/v1', kind, name, generation, codeDigest: code }
  await registry[by]({ ...alice, controller }, workload)
}

const look = (injected = true) =>
  noticeUnseenEdits({
    workloads: store.workloads,
    list: async function* () {
      yield* objects
    },
    isInjected: () => injected,
    logger: createLogger(
      { name: 'test', level: 'info' },
      { write: (line: string) => void log.push(line) },
    ),
  })

const others = async (uid: string) =>
  (await store.workloads.find(uid))?.chain.coRequesters.map(({ username }) => username)

const NOBODY = UNATTRIBUTED.username

describe('noticeUnseenEdits()', () => {
  test('leaves what was seen, and what was scaled since', async () => {
    await tell(anObject('web'))
    objects = [anObject('web', { generation: 9 })]
    expect(await look()).toEqual({ objects: 1, unseen: 0, unknown: 0 })
    expect(await others('web')).toEqual([])
  })

  test('takes the author from code that it has not seen, once, and says which object', async () => {
    await tell(anObject('web'))
    objects = [anObject('web', { image: 'evil', generation: 2 })]
    expect(await look()).toEqual({ objects: 1, unseen: 1, unknown: 0 })
    expect(await others('web')).toEqual([NOBODY])
    expect(JSON.parse(log.join(''))).toMatchObject({
      ...{ namespace: 'team', kind: 'Deployment', name: 'web', generation: 2, parts: ['spec'] },
      managers: [{ manager: 'kubectl-edit' }],
    })
    expect(await look()).toMatchObject({ unseen: 0 })
  })

  test('leaves an edit that was seen before one that failed', async () => {
    await tell(anObject('web'))
    await tell(anObject('web', { image: 'refused', generation: 2 }), 'recordChanged')
    objects = [anObject('web')]
    expect(await look()).toMatchObject({ unseen: 0 })
  })

  test('takes fields that a new version of Kubernetes fills in for no edit', async () => {
    await tell(anObject('web'))
    objects = [anObject('web')]
    await look()
    objects = [anObject('web', { image: 'filled in' })]
    expect(await look()).toMatchObject({ unseen: 0 })
    objects = [anObject('web', { image: 'edited', generation: 2 })]
    expect(await look()).toMatchObject({ unseen: 1 })
  })

  test('cannot tell of an object whose code was never seen, and can from then on', async () => {
    const { uid, name } = { uid: 'web', name: 'web' }
    const workload = { uid, name, apiVersion: 'apps/v1', kind: 'Deployment', generation: 1 }
    await registry.recordCreated(alice, workload)
    objects = [anObject('web')]
    expect(await look()).toEqual({ objects: 1, unseen: 0, unknown: 1 })
    objects = [anObject('web', { image: 'edited', generation: 2 })]
    expect(await look()).toMatchObject({ unseen: 1, unknown: 0 })
  })

  test('cannot tell after a write of an older injector, which does not tell the code', async () => {
    await tell(anObject('web'))
    const meant = { uid: 'web', name: 'web', apiVersion: 'apps/v1', kind: 'Deployment' }
    await registry.recordChanged(alice, { ...meant, generation: 2 })
    objects = [anObject('web', { image: 'seen', generation: 2 })]
    expect(await look()).toMatchObject({ unseen: 0, unknown: 1 })
  })

  test('believes whoever reset the chain', async () => {
    await tell(anObject('web'))
    const edited = anObject('web', { image: 'edited', generation: 2 })
    const meant = { uid: 'web', name: 'web', apiVersion: 'apps/v1', kind: 'Deployment' }
    await registry.reset({ ...alice, user: aUser('admin') }, { ...meant, generation: 2 })
    objects = [edited]
    expect(await look()).toMatchObject({ unseen: 0, unknown: 1 })
    expect(await others('web')).toEqual([])
  })

  test.each([
    ['younger than its record', NOON_MS + 120_000, 1, [NOBODY]],
    ['from before its record', NOON_MS - 1, 0, []],
  ])(
    'looks at a ReplicaSet that is not on record and is %s',
    async (_age, createdAtMs, unseen, who) => {
      await tell(anObject('web'))
      objects = [anObject('rs', { kind: 'ReplicaSet', owner: 'web', createdAtMs })]
      expect(await look()).toEqual({ objects: 1, unseen, unknown: 0 })
      expect(await others('web')).toEqual(who)
    },
  )

  test('does not warn at each start of objects from before Lanyard: nobody answers for them', async () => {
    await tell(anObject('web'))
    objects = [anObject('older'), anObject('web')]
    for (const _start of [1, 2]) {
      expect(await look()).toEqual({ objects: 2, unseen: 0, unknown: 0 })
    }
  })

  test('takes the author from what keeps an edited template, too', async () => {
    await tell(anObject('web'))
    await tell(anObject('rs', { kind: 'ReplicaSet', owner: 'web' }))
    objects = [anObject('rs', { kind: 'ReplicaSet', owner: 'web', image: 'evil', generation: 2 })]
    expect(await look()).toMatchObject({ unseen: 1 })
    expect(await others('rs')).toContain(NOBODY)
    expect(await others('web')).toContain(NOBODY)
  })

  test('does not read namespaces that are not opted in', async () => {
    await tell(anObject('web'))
    objects = [anObject('web', { image: 'edited', generation: 2 })]
    expect(await look(false)).toEqual({ objects: 0, unseen: 0, unknown: 0 })
  })
})
