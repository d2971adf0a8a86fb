import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { ListWatchServer } from '../../test/support/list-watch-server.ts'
import { type LivingPods, watchLivingPods } from './living-pods.ts'

let server: ListWatchServer
let pods: LivingPods
let gone: string[]
let listed: number[]
let nowMs: number

const aPod = (name: string, uid: string) => ({ metadata: { namespace: 'team', name, uid } })
const has = (name: string, podUid: string) => pods.has({ namespace: 'team', name, podUid })
const within = { timeout: 10_000 }

beforeEach(async () => {
  server = await ListWatchServer.start()
  server.objects = [aPod('web', 'uid-1')]
  gone = []
  listed = []
  nowMs = 1_000
  pods = watchLivingPods({
    config: server.config,
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
    onGone: (podUid) => void gone.push(podUid),
    onListed: (beganAtMs) => void listed.push(beganAtMs),
    now: () => nowMs,
  })
})
afterEach(async () => {
  pods.stop()
  await server.close()
})

const watched = () => expect.poll(() => server.watches.length, within).toBe(1)

test('watchLivingPods() asks for the metadata of pods that have not ended, and knows them by name and UID', async () => {
  expect(pods.isSynced()).toBe(false)
  await watched()
  expect(pods.isSynced()).toBe(true)
  expect(listed).toEqual([1_000])
  expect([has('web', 'uid-1'), has('web', 'uid-2'), has('other', 'uid-1')]).toEqual([
    ...[true, false, false],
  ])
  for (const { query, accept } of [...server.lists, ...server.watches]) {
    expect(query.get('fieldSelector')).toBe('status.phase!=Succeeded,status.phase!=Failed')
    expect(accept).toContain('as=PartialObjectMetadata')
  }
})

test('watchLivingPods() lists in pages', async () => {
  await watched()
  server.objects = Array.from({ length: 450 }, (_, index) => aPod(`p-${index}`, `uid-${index}`))
  nowMs = 2_000
  server.expire()
  await expect.poll(() => pods.size(), within).toBe(450)
  expect(server.lists.slice(1).map(({ query }) => query.get('limit'))).toEqual(
    Array.from({ length: 3 }, () => '200'),
  )
  expect(listed).toEqual([1_000, 2_000])
  expect(has('web', 'uid-1')).toBe(false)
})

test('watchLivingPods() calls onGone for a deleted pod, and forgets a pod whose name a new pod has', async () => {
  await watched()
  server.tell('ADDED', aPod('next', 'uid-2'))
  await expect.poll(() => has('next', 'uid-2'), within).toBe(true)
  expect(gone).toEqual([])
  server.tell('DELETED', aPod('next', 'uid-2'))
  await expect.poll(() => gone, within).toEqual(['uid-2'])
  server.tell('ADDED', aPod('web', 'uid-3'))
  await expect.poll(() => has('web', 'uid-3'), within).toBe(true)
  expect(has('web', 'uid-1')).toBe(false)
})

test('watchLivingPods() is not in sync while the end of a pod could be missed', async () => {
  await watched()
  server.expire()
  await expect.poll(() => pods.isSynced(), within).toBe(false)
  await expect.poll(() => pods.isSynced(), within).toBe(true)
})
