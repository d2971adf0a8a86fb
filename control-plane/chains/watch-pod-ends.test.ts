import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { ListWatchServer } from '../../test/support/list-watch-server.ts'
import { createMemoryPodBindingStore } from '../../test/support/memory-stores.ts'
import {
  AGENT,
  aBinding,
  BUILD,
  NOON_MS,
  recordEnrolled,
} from '../../test/support/record-builders.ts'
import { ENROLLED_MS_MAX } from './pod-ends.ts'
import { type WatchedPodEnds, watchPodEnds } from './watch-pod-ends.ts'

let server: ListWatchServer
let watched: WatchedPodEnds
let ended: string[]

const within = { timeout: 10_000 }
const objectOf = ({ namespace, name, podUid }: typeof AGENT) => ({
  metadata: { namespace, name, uid: podUid },
})

beforeEach(async () => {
  server = await ListWatchServer.start()
  server.objects = [objectOf(AGENT)]
  ended = []
  const bindings = createMemoryPodBindingStore()
  for (const pod of [AGENT, BUILD]) await recordEnrolled(bindings, aBinding([pod]))
  watched = watchPodEnds({
    ...{ config: server.config, bindings },
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
    now: () => NOON_MS + 2 * ENROLLED_MS_MAX,
    onEnded: (podUids) => void ended.push(...podUids),
  })
})
afterEach(async () => {
  watched.stop()
  await server.close()
})

test('watchPodEnds() ends the pods on record that the first list does not have', async () => {
  await expect.poll(() => ended, within).toEqual([BUILD.podUid])
  const { namespace, name, podUid } = AGENT
  expect(watched.living.has({ namespace, name, podUid })).toBe(true)
})

test('watchPodEnds() ends a pod that is deleted, and calls onEnded once for each pod', async () => {
  await expect.poll(() => ended, within).toEqual([BUILD.podUid])
  server.tell('DELETED', objectOf(AGENT))
  await expect.poll(() => ended, within).toEqual([BUILD.podUid, AGENT.podUid])
  server.tell('DELETED', objectOf(AGENT))
  server.tell('DELETED', { metadata: { namespace: 'team', name: 'nobody', uid: 'nobody' } })
  server.tell('ADDED', { metadata: { namespace: 'team', name: 'seen', uid: 'seen' } })
  const seen = { namespace: 'team', name: 'seen', podUid: 'seen' }
  await expect.poll(() => watched.living.has(seen), within).toBe(true)
  expect(ended).toEqual([BUILD.podUid, AGENT.podUid])
})
