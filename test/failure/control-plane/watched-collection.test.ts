import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig, type KubernetesObject, Watch } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type WatchedCollection,
  watchCollection,
} from '../../../control-plane/kubernetes/watched-collection.ts'
import { createLogger } from '../../../platform/logger.ts'

/* Watches that break in each way: while a change could be missed, the collection is not in sync. */

let server: Server
let collection: WatchedCollection<KubernetesObject>
let listed: KubernetesObject[]
let lists: number
let listFails: boolean
let changes: number
/** Watches that were opened, with the version where they began. */
let watches: { readonly from: string; readonly answer: ServerResponse }[]

const anObject = (name: string, version: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, resourceVersion: version },
})

beforeEach(async () => {
  listed = [anObject('team', '1')]
  lists = 0
  listFails = false
  changes = 0
  watches = []
  server = createServer((incoming, answer) => {
    const { searchParams } = new URL(incoming.url ?? '', 'http://x')
    watches.push({ from: searchParams.get('resourceVersion') ?? '', answer })
    answer.writeHead(200, { 'content-type': 'application/json' })
    answer.flushHeaders()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const config = new KubeConfig()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  config.loadFromClusterAndUser({ name: 'c', server: url, skipTLSVerify: true }, { name: 'u' })
  collection = watchCollection({
    name: 'namespaces',
    path: '/api/v1/namespaces',
    watch: new Watch(config),
    async list() {
      lists += 1
      if (listFails) throw new Error('the API server is away')
      return { items: listed, metadata: { resourceVersion: '10' } }
    },
    onChange: () => {
      changes += 1
    },
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
  })
  await expect.poll(() => watches.length).toBe(1)
})

afterEach(async () => {
  collection.stop()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function send(type: string, object: object): void {
  watches.at(-1)?.answer.write(`${JSON.stringify({ type, object })}\n`)
}

const names = () => [...collection.items.keys()].sort()
const relistsWithin = { timeout: 5_000 }

test('a list and then its changes, from where the list ended', async () => {
  expect(collection.isSynced()).toBe(true)
  expect(watches[0]?.from).toBe('10')
  send('ADDED', anObject('other', '11'))
  await expect.poll(names).toEqual(['other', 'team'])
  send('DELETED', anObject('team', '12'))
  await expect.poll(names).toEqual(['other'])
  send('BOOKMARK', anObject('', '20'))
  expect(changes).toBe(3)
})

test('a watch that ends well is taken up where it ended, without a list', async () => {
  send('ADDED', anObject('other', '11'))
  send('BOOKMARK', { kind: 'Namespace', apiVersion: 'v1', metadata: { resourceVersion: '20' } })
  await expect.poll(names).toEqual(['other', 'team'])
  watches[0]?.answer.end()
  await expect.poll(() => watches.length, relistsWithin).toBe(2)
  expect(watches[1]?.from).toBe('20')
  expect(lists).toBe(1)
  expect(names()).toEqual(['other', 'team'])
})

test('a version that is too old is listed anew, and what is gone is gone', async () => {
  listed = [anObject('new', '30')]
  send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', metadata: {} })
  await expect.poll(() => lists, relistsWithin).toBe(2)
  await expect.poll(names).toEqual(['new'])
  expect(collection.isSynced()).toBe(true)
})

test('a connection that is cut leaves nothing missed', async () => {
  listed = [anObject('new', '30')]
  watches[0]?.answer.destroy()
  await expect.poll(() => watches.length, relistsWithin).toBe(2)
  // Either it goes on from where it was, or it was listed anew.
  const resumed = watches[1]?.from === '10' && names().includes('team') && lists === 1
  expect(resumed || names().includes('new')).toBe(true)
  expect(collection.isSynced()).toBe(true)
})

test('while the API server is away it is out of sync, and in sync again when it is back', async () => {
  listFails = true
  send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', metadata: {} })
  await expect.poll(() => lists, relistsWithin).toBeGreaterThan(1)
  expect(collection.isSynced()).toBe(false)
  listFails = false
  await expect.poll(() => collection.isSynced(), relistsWithin).toBe(true)
})

test('a line that is no JSON ends in a list, not in silence', async () => {
  listed = [anObject('new', '30')]
  watches[0]?.answer.write('{"type": nonsense\n')
  watches[0]?.answer.end()
  await expect.poll(() => watches.length, relistsWithin).toBe(2)
  send('ADDED', anObject('other', '31'))
  await expect.poll(names).toContain('other')
})
