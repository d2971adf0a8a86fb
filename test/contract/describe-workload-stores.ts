import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Workload, WorkloadStore } from '../../control-plane/store/workload-store.ts'
import { withCoRequester } from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import { aChain, aUser } from '../support/record-builders.ts'
import type { OpenStores, Stores } from './stores.ts'

function aWorkload(uid: string, parts: Partial<Workload> = {}): Workload {
  return {
    uid,
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    namespace: 'team',
    name: uid,
    chain: aChain([]),
    via: [{ kind: 'Deployment', name: 'web' }],
    controllerUid: 'web-uid',
    generation: 1,
    seenCodes: ['a.b.'],
    lookedAtGeneration: 1,
    touches: [{ username: 'carol', atMs: 1, fields: ['replicas'] }],
    beganAtMs: 1,
    renewedAtMs: 2,
    ...parts,
  }
}

const renamed = (known: Workload): Workload => ({ ...known, chain: aChain([], aUser('bob')) })

/** What every registry of workloads does. */
export function describeWorkloadStores(open: OpenStores): void {
  describe('of workloads', () => {
    let stores: Stores
    let workloads: WorkloadStore
    beforeEach(async () => {
      stores = await open()
      workloads = stores.workloads
    })
    afterEach(() => stores.close())
    const save = (workload: Workload) => workloads.revise(workload.uid, () => workload)

    test('revise() writes what it is given back', async () => {
      expect(await save(aWorkload('a'))).toEqual(aWorkload('a'))
      expect(await workloads.find('a')).toEqual(aWorkload('a'))
      expect(await workloads.find('b')).toBeUndefined()
    })

    test('touchesOf() tells of the newest object of each name, and of no other', async () => {
      const touch = (username: string) => [{ username, atMs: 1, fields: ['replicas'] }]
      const web = { kind: 'Deployment', name: 'web' }
      await save(aWorkload('old', { ...web, touches: touch('bob') }))
      await save(aWorkload('new', { ...web, touches: touch('carol') }))
      await save(aWorkload('rs', { name: 'web-1', touches: [] }))
      await save(aWorkload('there', { ...web, namespace: 'other', touches: touch('dave') }))
      await save(aWorkload('sts', { kind: 'StatefulSet', name: 'web', touches: touch('erin') }))
      // Written again, an object of before is no newer.
      await save(aWorkload('old', { ...web, touches: [...touch('bob'), ...touch('bob')] }))
      const steps = [web, { kind: 'ReplicaSet', name: 'web-1' }, { kind: 'Job', name: 'none' }]
      await expect(workloads.touchesOf('team', steps)).resolves.toEqual([
        { ...web, username: 'carol', atMs: 1, fields: ['replicas'] },
      ])
      await expect(workloads.touchesOf('team', [])).resolves.toEqual([])
    })

    test('revise() gives each of many at the same time what the one before wrote', async () => {
      const add = (name: string) =>
        workloads.revise('a', (known = aWorkload('a')) => ({
          ...known,
          chain: withCoRequester(known.chain, aUser(name)),
        }))
      await Promise.all(['bob', 'carol', 'dave'].map(add))
      const names = (await workloads.find('a'))?.chain.coRequesters.map((one) => one.username)
      expect(names).toEqual(['bob', 'carol', 'dave'])
    })

    test('revise() throws what is thrown, writes nothing, and leaves others alone', async () => {
      await save(aWorkload('a'))
      const results = await Promise.allSettled([
        workloads.revise('a', () => {
          throw new Fault('permission_denied', 'no')
        }),
        workloads.revise('b', () => aWorkload('b')),
      ])
      expect(results).toMatchObject([
        { status: 'rejected', reason: { code: 'permission_denied' } },
        { status: 'fulfilled' },
      ])
      expect(await workloads.find('a')).toEqual(aWorkload('a'))
    })

    test('reviseNamespace() reaches each workload of one namespace, however many', async () => {
      const uids = Array.from({ length: 450 }, (_, index) => `uid-${index}`)
      await Promise.all(uids.map((uid) => save(aWorkload(uid))))
      await save(aWorkload('elsewhere', { namespace: 'other' }))
      await workloads.reviseNamespace('team', renamed)
      const revised = await Promise.all(uids.map((uid) => workloads.find(uid)))
      expect(new Set(revised.map((one) => one?.chain.rootRequester.username))).toEqual(
        new Set(['bob']),
      )
      expect(await workloads.find('elsewhere')).toMatchObject({ chain: aChain([]) })
      await workloads.reviseNamespace('nowhere', renamed)
    })

    test('namespaces() names each once', async () => {
      expect(await workloads.namespaces()).toEqual([])
      for (const uid of ['a', 'b']) await save(aWorkload(uid))
      await save(aWorkload('c', { namespace: 'other' }))
      expect([...(await workloads.namespaces())].sort()).toEqual(['other', 'team'])
    })
  })
}
