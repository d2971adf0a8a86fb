import { once } from 'node:events'
import { Agent } from 'node:https'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WATCH_TIMES } from '../../../control-plane/access-api/watch-stream.ts'
import {
  type AccessApiFixture,
  memoryStores,
  type Stores,
  sqliteStores,
  startAccessApi,
  type WatchLine,
} from '../../support/access-api-fixture.ts'
import {
  AGENT,
  aBinding,
  aChain,
  aDecision,
  aDecisionId,
  anActor,
  anOutcome,
  aRefusal,
  aUser,
  BUILD,
  recordEnrolled,
} from '../../support/record-builders.ts'

const ROOT = '/apis/access.lanyard.dev/v1alpha1'
const CHAINS = `${ROOT}/namespaces/team/chains`
const EVENTS = `${ROOT}/namespaces/team/auditevents`

let api: AccessApiFixture

const STORES: readonly (readonly [string, () => Promise<Stores & { close(): Promise<void> }>])[] = [
  ['stores in memory', async () => ({ ...memoryStores(), close: async () => {} })],
  ['SQLite', sqliteStores],
]

const shown = (lines: readonly WatchLine[]) =>
  lines.map(({ type, object }) => [type, object.metadata.name, object.metadata.resourceVersion])

const nameOf = (number: number) => aDecisionId(number).toLowerCase()

describe.each(STORES)('on %s:', (_name, createStores) => {
  let stores: Awaited<ReturnType<typeof createStores>>

  beforeEach(async () => {
    stores = await createStores()
    api = await startAccessApi({}, stores)
  })

  afterEach(async () => {
    await api.close()
    await stores.close()
  })

  describe('a watch of auditevents', () => {
    test('after a list: added when decided, modified when the outcome arrives', async () => {
      await api.auditEvents.append(aDecision(1))
      const { metadata } = (await api.get(EVENTS)).json as { metadata: { resourceVersion: string } }
      const watch = await api.watch(`${EVENTS}?watch=1&resourceVersion=${metadata.resourceVersion}`)
      expect(watch.status).toBe(200)
      await api.auditEvents.append(aRefusal(2))
      expect(shown(await watch.take(1))).toEqual([['ADDED', nameOf(2), '2']])
      await api.auditEvents.complete(
        BUILD.podUid,
        aDecisionId(2),
        anOutcome(2, { httpStatus: 403 }),
      )
      await api.auditEvents.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
      const lines = await watch.take(2)
      expect(shown(lines)).toEqual([
        ['MODIFIED', nameOf(2), '3'],
        ['MODIFIED', nameOf(1), '4'],
      ])
      expect(lines[0]?.object.status).toMatchObject({ phase: 'Complete', httpStatus: 403 })
      watch.close()
    })

    test.each(['', '&resourceVersion=0'])(
      'without a revision (%j) begins with what is there',
      async (query) => {
        await api.auditEvents.append(aDecision(1))
        await api.auditEvents.append(aDecision(2))
        await api.auditEvents.complete(AGENT.podUid, aDecisionId(2), anOutcome(2))
        const watch = await api.watch(`${EVENTS}?watch=true${query}`)
        expect(shown(await watch.take(2))).toEqual([
          ['ADDED', nameOf(1), '1'],
          ['ADDED', nameOf(2), '3'],
        ])
        await api.auditEvents.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
        expect(shown(await watch.take(1))).toEqual([['MODIFIED', nameOf(1), '4']])
        watch.close()
      },
    )

    test('streams what came after an older revision', async () => {
      for (const number of [1, 2, 3]) await api.auditEvents.append(aDecision(number))
      const watch = await api.watch(`${EVENTS}?watch=1&resourceVersion=1`)
      expect(shown(await watch.take(2))).toEqual([
        ['ADDED', nameOf(2), '2'],
        ['ADDED', nameOf(3), '3'],
      ])
      watch.close()
    })

    test('shows only what is selected', async () => {
      const watch = await api.watch(`${EVENTS}?watch=1&fieldSelector=spec.effect%3DDeny`)
      await api.auditEvents.append(aDecision(1))
      await api.auditEvents.append(aRefusal(2))
      expect(shown(await watch.take(1))).toEqual([['ADDED', nameOf(2), '2']])
      watch.close()
    })

    test('ends after its time, with a bookmark for those who want one', async () => {
      await api.auditEvents.append(aDecision(1))
      const query = 'watch=1&timeoutSeconds=1&resourceVersion=1'
      const quiet = await api.watch(`${EVENTS}?${query}`)
      const marked = await api.watch(`${EVENTS}?${query}&allowWatchBookmarks=true`)
      expect(await quiet.rest()).toEqual([])
      expect(await marked.rest()).toEqual([
        {
          type: 'BOOKMARK',
          object: {
            kind: 'AuditEvent',
            apiVersion: 'access.lanyard.dev/v1alpha1',
            metadata: { resourceVersion: '1' },
          },
        },
      ])
    })

    test('marks where what was there ends', async () => {
      await api.auditEvents.append(aDecision(1))
      const watch = await api.watch(
        `${EVENTS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
      )
      const lines = await watch.take(2)
      expect(lines.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK'])
      expect(lines[1]?.object.metadata).toEqual({
        resourceVersion: '1',
        annotations: { 'k8s.io/initial-events-end': 'true' },
      })
      watch.close()
    })

    test('comes as Tables for those who want them', async () => {
      const watch = await api.watch(`${EVENTS}?watch=1`, 'alice', {
        headers: {
          'x-remote-user': 'alice',
          accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
        },
      })
      await api.auditEvents.append(aDecision(1))
      const [line] = await watch.take(1)
      expect(line?.object).toMatchObject({
        kind: 'Table',
        rows: [{ cells: expect.arrayContaining([nameOf(1), 'Allow']) }],
      })
      watch.close()
    })

    test('shows nothing to a label selector that wants a label', async () => {
      await api.auditEvents.append(aDecision(1))
      const watch = await api.watch(`${EVENTS}?watch=1&labelSelector=app%3Dweb&timeoutSeconds=1`)
      await api.auditEvents.append(aDecision(2))
      expect(await watch.rest()).toEqual([])
    })
  })

  describe('a watch of chains', () => {
    test('a pod made again under the same name: the old chain goes, the new one comes', async () => {
      await recordEnrolled(api.podBindings, aBinding([AGENT]))
      const watch = await api.watch(`${CHAINS}?watch=1`)
      expect(shown(await watch.take(1))).toEqual([['ADDED', 'agent', '1']])
      const again = anActor(5, 'agent')
      await recordEnrolled(
        api.podBindings,
        aBinding([again], { chain: aChain([again], aUser('bob')) }),
      )
      expect(shown(await watch.take(2))).toEqual([
        ['DELETED', 'agent', '2'],
        ['ADDED', 'agent', '2'],
      ])
      watch.close()
    })

    test('of one root requester loses a name that another one takes', async () => {
      await recordEnrolled(api.podBindings, aBinding([AGENT]))
      const selector = encodeURIComponent('spec.rootRequester=alice')
      const watch = await api.watch(`${CHAINS}?watch=1&resourceVersion=1&fieldSelector=${selector}`)
      const again = anActor(5, 'agent')
      await recordEnrolled(
        api.podBindings,
        aBinding([again], { chain: aChain([again], aUser('bob')) }),
      )
      await recordEnrolled(api.podBindings, aBinding([AGENT, BUILD]))
      expect(shown(await watch.take(2))).toEqual([
        ['DELETED', 'agent', '2'],
        ['ADDED', 'build-x7k2', '3'],
      ])
      watch.close()
    })
  })

  describe('the limits of watches', () => {
    test('more than the allowed number are refused, and a place becomes free again', async () => {
      const small = await startAccessApi({ watchesMax: 1 })
      const first = await small.watch(`${EVENTS}?watch=1`)
      const refused = await small.get(`${EVENTS}?watch=1`)
      expect(refused.json).toMatchObject({ code: 429, reason: 'TooManyRequests' })
      first.close()
      await expect.poll(() => statusOfWatch(small), { timeout: 5_000 }).toBe(200)
      await small.close()
    })

    test('a slow reader is waited for and misses nothing', async () => {
      const watch = await api.watch(`${EVENTS}?watch=1`)
      watch.incoming.pause()
      const padding = 'x'.repeat(20_000)
      for (let number = 1; number <= 1_000; number += 1) {
        await api.auditEvents.append(aDecision(number, { userAgent: padding }))
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
      const lines = await watch.take(1_000)
      expect(lines.map(({ object }) => object.metadata.name)).toEqual(
        lines.map((_line, index) => nameOf(index + 1)),
      )
      watch.close()
    })

    test('a reader that takes nothing is cut off', async () => {
      const strict = await startAccessApi({
        watchesMax: 1,
        watchTimes: { bookmarkMs: 60_000, pauseMs: 1, stallMs: 100 },
      })
      const padding = 'x'.repeat(100_000)
      for (let number = 1; number <= 300; number += 1) {
        await strict.auditEvents.append(aDecision(number, { userAgent: padding }))
      }
      const watch = await strict.watch(`${EVENTS}?watch=1`)
      watch.incoming.pause()
      await expect.poll(() => statusOfWatch(strict), { timeout: 5_000 }).toBe(200)
      await strict.close()
    })

    test('a watch ends when its user may no longer watch', async () => {
      let allowed = true
      const revoking = await startAccessApi({
        authorize: async () => allowed,
        watchTimes: { ...WATCH_TIMES, bookmarkMs: 20, pauseMs: 1 },
      })
      const watch = await revoking.watch(`${EVENTS}?watch=1&allowWatchBookmarks=1`)
      expect((await watch.take(1))[0]?.type).toBe('BOOKMARK')
      allowed = false
      await watch.rest()
      await revoking.close()
    })

    test('a watch ends with the server', async () => {
      const stopping = await startAccessApi()
      const watch = await stopping.watch(`${EVENTS}?watch=1`)
      const closed = stopping.close()
      expect(await watch.rest()).toEqual([])
      await closed
    })

    test('a watch over a connection that its client keeps does not hold up the end', async () => {
      const stopping = await startAccessApi()
      const agent = new Agent({ keepAlive: true })
      const watch = await stopping.watch(`${EVENTS}?watch=1`, 'alice', { agent })
      const began = performance.now()
      const closed = stopping.close()
      expect(await watch.rest()).toEqual([])
      await closed
      // Before the time at which everything is cut.
      expect(performance.now() - began).toBeLessThan(1_500)
      agent.destroy()
    })

    test('a client that reads nothing and one that says nothing are cut off at the end', async () => {
      const stopping = await startAccessApi()
      const agent = new Agent({ keepAlive: true })
      const watch = await stopping.watch(`${EVENTS}?watch=1`, 'alice', { agent })
      watch.incoming.pause()
      watch.incoming.on('error', () => undefined)
      const padding = 'x'.repeat(100_000)
      for (let number = 1; number <= 100; number += 1) {
        await stopping.auditEvents.append(aDecision(number, { userAgent: padding }))
      }
      const silent = connect(stopping.port, '127.0.0.1')
      await once(silent, 'connect')
      const cut = once(silent, 'close')
      await stopping.close()
      await cut
      agent.destroy()
    }, 5_000)

    test('a store that fails ends the watch with a Status', async () => {
      const { auditEvents } = api
      let broken = false
      const failing = await startAccessApi({
        auditEvents: {
          ...auditEvents,
          async changes(filter, page) {
            if (broken) throw new Error('disk is gone')
            return auditEvents.changes(filter, page)
          },
        },
      })
      const watch = await failing.watch(`${EVENTS}?watch=1`)
      broken = true
      await auditEvents.append(aDecision(1))
      const [line] = await watch.rest()
      expect(line).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 500 } })
      expect(JSON.stringify(line)).not.toContain('disk is gone')
      await failing.close()
    })
  })
})

async function statusOfWatch(fixture: AccessApiFixture): Promise<number> {
  const watch = await fixture.watch(`${EVENTS}?watch=1&fieldSelector=spec.verb%3Dcreate`)
  watch.close()
  return watch.status
}
