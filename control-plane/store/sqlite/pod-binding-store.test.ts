import { afterEach, beforeEach, expect, test } from 'vitest'
import { AGENT, aBinding, aChain, aUser, BUILD } from '../../../test/support/record-builders.ts'
import type { PodBindingStore } from '../pod-binding-store.ts'
import { createCommitQueue } from './commit-queue.ts'
import { type Database, openDatabase } from './database.ts'
import { createSqlitePodBindingStore } from './pod-binding-store.ts'

let database: Database
let bindings: PodBindingStore
const open = (id = 'c1') =>
  createSqlitePodBindingStore(database, createCommitQueue(database), { id, name: `name of ${id}` })

beforeEach(async () => {
  database = await openDatabase(':memory:')
  bindings = open()
})
afterEach(() => void database.close())

test('createSqlitePodBindingStore() keeps a binding that is made again, and refuses another chain', async () => {
  const first = await bindings.record(aBinding([AGENT]))
  expect(await bindings.record(aBinding([AGENT]))).toEqual(first)
  const other = aBinding([AGENT], { chain: aChain([AGENT], aUser('mallory')) })
  await expect(bindings.record(other)).rejects.toMatchObject({ code: 'binding_conflict' })
  expect((await bindings.find(AGENT.podUid))?.chain.rootRequester.username).toBe('alice')
})

test('createSqlitePodBindingStore() binds in its cluster, and adopts only what had none', async () => {
  await bindings.record(aBinding([AGENT]))
  const elsewhere = open('c2')
  await elsewhere.record(aBinding([AGENT, BUILD]))
  expect((await elsewhere.find(AGENT.podUid))?.cluster).toEqual({ id: 'c1', name: 'name of c1' })
  expect((await elsewhere.find(BUILD.podUid))?.cluster).toMatchObject({ id: 'c2' })
})

test('createSqlitePodBindingStore() finds the newest of a name, and nothing that is not there', async () => {
  const again = { ...AGENT, podUid: 'newer' }
  await bindings.record(aBinding([AGENT]))
  await bindings.record(aBinding([again]))
  expect(await bindings.newestOfName(AGENT.namespace, AGENT.name)).toBe('newer')
  expect(await bindings.newestOfName(AGENT.namespace, 'other')).toBeUndefined()
  expect(await bindings.find('other')).toBeUndefined()
})

test('createSqlitePodBindingStore() throws audit_unavailable for a chain that is damaged', async () => {
  await bindings.record(aBinding([AGENT]))
  database.sqlite.exec("update chain set bytes = x'ffff'")
  await expect(bindings.find(AGENT.podUid)).rejects.toMatchObject({ code: 'audit_unavailable' })
})
