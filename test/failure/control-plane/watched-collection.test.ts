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
let listHangs: boolean
let watch: Watch
/** The API server accepts connections and says nothing. */
let silent: boolean
let changes: number
/** What `isSynced` said at each call of `onSync`. */
let synced: boolean[]
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
  listHangs = false
  silent = false
  changes = 0
  synced = []
  watches = []
  server = createServer((incoming, answer) => {
    const { searchParams } = new URL(incoming.url ?? '', 'http://x')
    watches.push({ from: searchParams.get('resourceVersion') ?? '', answer })
    if (silent) return
    answer.writeHead(200, { 'content-type': 'application/json' })
    answer.flushHeaders()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const config = new KubeConfig()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  config.loadFromClusterAndUser({ name: 'c', server: url, skipTLSVerify: true }, { name: 'u' })
  watch = new Watch(config)
  collection = watchCollection({
    name: 'namespaces',
    path: '/api/v1/namespaces',
    watch,
    async list() {
      lists += 1
      if (listFails) throw new Error('the API server is away')
      if (listHangs) return new Promise<never>(() => undefined)
      return { items: listed, metadata: { resourceVersion: '10' } }
    },
    onChange: () => {
      changes += 1
    },
    onSync: () => void synced.push(collection.isSynced()),
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
    times: { openMsMax: 800, listMsMax: 300, firstListMsMax: 100 },
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

/** How long the client waits for something to come, or for an answer at all: it tells neither apart. */
function endQuietAfter(quietMs: number): void {
  Object.assign(watch, { requestTimeoutMs: quietMs })
}

const names = () => [...collection.items.values()].map(({ metadata }) => metadata?.name).sort()
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

test('a version that is too old is listed again, and what is gone is gone', async () => {
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
  // Either it goes on from where it was, or it was listed again.
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
  expect(synced.slice(0, 2)).toEqual([true, false])
  expect(synced.at(-1)).toBe(true)
})

test('a list that nobody answers is given up sooner the first time, so that an API server that is back is soon asked', async () => {
  listHangs = true
  const began = performance.now()
  send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', metadata: {} })
  await expect.poll(() => lists, { interval: 5, ...relistsWithin }).toBe(3)
  // 500 ms between two tries, and 100 of the 300 ms that a list may take.
  expect(performance.now() - began).toBeLessThan(1_300)
})

test('a line that is no JSON ends in a list, not in silence', async () => {
  listed = [anObject('new', '30')]
  watches[0]?.answer.write('{"type": nonsense\n')
  watches[0]?.answer.end()
  await expect.poll(() => watches.length, relistsWithin).toBe(2)
  send('ADDED', anObject('other', '31'))
  await expect.poll(names).toContain('other')
})

test('a watch on which nothing comes is taken up where it was, and nothing is missed', async () => {
  endQuietAfter(100)
  watches[0]?.answer.end()
  await expect.poll(() => watches.length, relistsWithin).toBeGreaterThan(4)
  expect(watches.at(-1)?.from).toBe('10')
  expect(lists).toBe(1)
  expect(collection.isSynced()).toBe(true)
})

test.each([30_000, 100])(
  'an API server that accepts and never answers (the client waits %i ms) is out of sync',
  async (quietMs) => {
    endQuietAfter(quietMs)
    silent = true
    listHangs = true
    watches[0]?.answer.end()
    await expect.poll(() => collection.isSynced(), { timeout: 2_000 }).toBe(false)
    // It tries again although no answer ever came.
    await expect.poll(() => lists, relistsWithin).toBeGreaterThan(2)
    expect(collection.isSynced()).toBe(false)
    listed = [anObject('new', '30')]
    silent = false
    listHangs = false
    await expect.poll(() => collection.isSynced(), relistsWithin).toBe(true)
    expect(names()).toEqual(['new'])
  },
)

test('what an answer that came too late says is not believed', async () => {
  silent = true
  watches[0]?.answer.end()
  await expect.poll(() => watches.length, relistsWithin).toBe(2)
  const late = watches[1]?.answer
  silent = false
  await expect.poll(() => watches.length, relistsWithin).toBe(3)
  late?.writeHead(200, { 'content-type': 'application/json' })
  late?.write(`${JSON.stringify({ type: 'ADDED', object: anObject('old', '5') })}\n`)
  send('ADDED', anObject('new', '11'))
  await expect.poll(names).toContain('new')
  expect(names()).not.toContain('old')
})

test('a collection that was stopped says nothing more', async () => {
  const before = { changes, synced: [...synced] }
  collection.stop()
  send('ADDED', anObject('other', '11'))
  watches[0]?.answer.destroy()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect({ changes, synced }).toEqual(before)
  expect(watches.length).toBe(1)
})
