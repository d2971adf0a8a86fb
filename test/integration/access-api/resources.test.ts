import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createChainResource } from '../../../control-plane/access-api/chain-resource.ts'
import type { DelegationChain } from '../../../core/chain.ts'
import {
  type AccessApiFixture,
  memoryStores,
  type Stores,
  sqliteStores,
  startAccessApi,
} from '../../support/access-api-fixture.ts'
import { NO_STORY } from '../../support/memory-stores.ts'
import {
  AGENT,
  aBinding,
  aChain,
  aDecision,
  aDecisionId,
  anActor,
  anOutcome,
  aPodUid,
  aRefusal,
  aUser,
  BUILD,
  NOON_MS,
  recordEnrolled,
  THIRD,
} from '../../support/record-builders.ts'

const ROOT = '/apis/access.lanyard.dev/v1alpha1'
const CHAINS = `${ROOT}/namespaces/team/chains`
const EVENTS = `${ROOT}/namespaces/team/auditevents`
const LONE = { ...anActor(9, 'lone'), namespace: 'other' }
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }

interface List {
  readonly kind: string
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly { readonly metadata: { readonly name: string; readonly uid: string } }[]
}

let api: AccessApiFixture

const STORES: readonly (readonly [string, () => Promise<Stores & { close(): Promise<void> }>])[] = [
  ['stores in memory', async () => ({ ...memoryStores(), close: async () => {} })],
  ['SQLite', sqliteStores],
]

async function list(path: string): Promise<List> {
  const answer = await api.get(path)
  expect(answer.status, answer.text).toBe(200)
  return answer.json as List
}

const names = ({ items }: List) => items.map(({ metadata }) => metadata.name)

/** Decisions with these numbers, all at the same time, so that they share their commits. */
async function decide(first: number, last: number): Promise<void> {
  const numbers = Array.from({ length: last - first + 1 }, (_item, index) => first + index)
  await Promise.all(numbers.map((number) => api.auditEvents.append(aDecision(number))))
}

/** A request with another Accept header, for alice. */
function accepting(headers: Record<string, string>) {
  return { headers: { 'x-remote-user': 'alice', ...headers } }
}

/** Chains end a day after their root was last seen, and carol touched what each pod comes from. */
const STORY = {
  ...NO_STORY,
  endsAtMs: ({ renewedAtMs }: { readonly renewedAtMs: number }) => renewedAtMs + 24 * 3_600_000,
  touchesOf: async ({ chain }: { readonly chain: DelegationChain }) =>
    (chain.actors.at(-1)?.via ?? []).map((object) => ({
      ...{ ...object, username: 'carol', atMs: NOON_MS, fields: ['parallelism'] },
    })),
}

describe.each(STORES)('on %s:', (_name, createStores) => {
  let stores: Awaited<ReturnType<typeof createStores>>

  beforeEach(async () => {
    stores = await createStores()
    api = await startAccessApi({ chainStory: STORY }, stores)
  })

  afterEach(async () => {
    await api.close()
    await stores.close()
  })

  describe('chains', () => {
    beforeEach(async () => {
      await recordEnrolled(api.podBindings, aBinding([AGENT]))
      await recordEnrolled(api.podBindings, aBinding([AGENT, BUILD]))
      await recordEnrolled(api.podBindings, aBinding([AGENT, BUILD, THIRD]))
      await recordEnrolled(
        api.podBindings,
        aBinding([LONE], { chain: aChain([LONE], aUser('bob')) }),
      )
    })

    test('get shows one chain in full', async () => {
      expect((await api.get(`${CHAINS}/build-x7k2`)).json).toEqual({
        apiVersion: 'access.lanyard.dev/v1alpha1',
        kind: 'Chain',
        metadata: {
          name: 'build-x7k2',
          namespace: 'team',
          uid: BUILD.podUid,
          resourceVersion: '2',
          creationTimestamp: '2026-11-23T10:00:00Z',
        },
        spec: {
          podUid: BUILD.podUid,
          rootRequester: { username: 'alice', groups: ['developers', 'system:authenticated'] },
          coRequesters: [],
          actors: [AGENT, BUILD],
          ...{ beganAt: '2026-11-23T10:00:00Z', renewedAt: '2026-11-23T10:00:00Z' },
          cluster: { id: '' },
          ...{ visitors: [], visitsOmitted: 0, endsAt: '2026-11-24T10:00:00Z' },
          touches: [
            {
              ...{ username: 'carol', at: '2026-11-23T10:00:00Z' },
              ...{ object: 'Job/build', fields: ['parallelism'] },
            },
          ],
        },
        status: { phase: 'Running' },
      })
    })

    test('get and list tell a pod that has ended from one that runs, and a watch tells of the end', async () => {
      await api.podBindings.markEnded([BUILD.podUid], NOON_MS + 5_000)
      const ended = { status: { phase: 'Ended', endedAt: '2026-11-23T10:00:05Z' } }
      expect((await api.get(`${CHAINS}/build-x7k2`)).json).toMatchObject(ended)
      const { items } = (await api.get(CHAINS)).json as { items: unknown[] }
      expect(items).toEqual(expect.arrayContaining([expect.objectContaining(ended)]))
      const changes = await createChainResource(api.podBindings, STORY).openChanges(
        { namespace: '', requirements: [] },
        4,
      )
      expect(await changes.next()).toMatchObject({
        changes: [{ type: 'MODIFIED', object: { metadata: { name: 'build-x7k2' }, ...ended } }],
      })
    })

    test('list says when each ends, and leaves touches to get', async () => {
      const { json } = await api.get(CHAINS)
      const end = { spec: { endsAt: '2026-11-24T10:00:00Z' } }
      expect(json).toMatchObject({ items: [end, end, end] })
      expect(JSON.stringify(json)).not.toContain('touches')
    })

    test('list shows those of the namespace, or of all', async () => {
      const team = await list(CHAINS)
      expect(team).toMatchObject({ kind: 'ChainList', metadata: { resourceVersion: '4' } })
      expect(names(team)).toEqual(['agent', 'build-x7k2', 'third'])
      expect(names(await list(`${ROOT}/chains`))).toEqual(['agent', 'build-x7k2', 'third', 'lone'])
    })

    test('a pod that was admitted and never ran takes no name over', async () => {
      const failed = anActor(5, 'agent')
      const chain = aChain([failed], aUser('mallory'))
      await api.podBindings.record(aBinding([failed], { chain }))
      const shown = (await api.get(`${CHAINS}/agent`)).json
      expect(shown).toMatchObject({ spec: { podUid: AGENT.podUid } })
      expect(names(await list(CHAINS))).toEqual(['agent', 'build-x7k2', 'third'])
    })

    test('the newest pod of a name wins', async () => {
      const again = anActor(5, 'agent')
      await recordEnrolled(
        api.podBindings,
        aBinding([again], { chain: aChain([again], aUser('carol')) }),
      )
      expect((await api.get(`${CHAINS}/agent`)).json).toMatchObject({
        spec: { podUid: aPodUid(5) },
      })
      expect(names(await list(CHAINS))).toEqual(['build-x7k2', 'third', 'agent'])
      const alices = await list(`${CHAINS}?fieldSelector=spec.rootRequester%3Dalice`)
      expect(names(alices)).toEqual(['build-x7k2', 'third'])
    })

    test('a list in pieces is one state of the store', async () => {
      const first = await list(`${CHAINS}?limit=2`)
      expect(names(first)).toEqual(['agent', 'build-x7k2'])
      const late = anActor(6, 'late')
      await recordEnrolled(api.podBindings, aBinding([late]))
      const second = await list(`${CHAINS}?limit=2&continue=${first.metadata.continue}`)
      expect(names(second)).toEqual(['third'])
      expect(second.metadata).toEqual({ resourceVersion: '4' })
    })

    test.each([
      ['metadata.name=third', ['third']],
      ['metadata.name!=third', ['agent', 'build-x7k2', 'lone']],
      ['metadata.namespace=other', ['lone']],
      ['spec.rootRequester=bob', ['lone']],
      ['spec.rootRequester=alice,metadata.name!=agent', ['build-x7k2', 'third']],
      ['spec.rootRequester=nobody', []],
    ])('the field selector %s selects %j', async (selector, want) => {
      const found = await list(`${ROOT}/chains?fieldSelector=${encodeURIComponent(selector)}`)
      expect(names(found)).toEqual(want)
    })

    test('a namespace in the path and another in the selector select nothing', async () => {
      expect(names(await list(`${CHAINS}?fieldSelector=metadata.namespace%3Dother`))).toEqual([])
    })

    test.each([
      ['app=web', []],
      ['app!=web', ['agent', 'build-x7k2', 'third']],
    ])('the label selector %s selects %j: no object has labels', async (selector, want) => {
      expect(names(await list(`${CHAINS}?labelSelector=${encodeURIComponent(selector)}`))).toEqual(
        want,
      )
    })

    test('as a Table, with what a row is about', async () => {
      const answer = await api.get(CHAINS, 'alice', accepting(TABLE))
      const table = answer.json as {
        kind: string
        columnDefinitions: { name: string; priority: number }[]
        rows: { cells: unknown[]; object: { kind: string; metadata: { name: string } } }[]
      }
      expect(table.kind).toBe('Table')
      expect(
        table.columnDefinitions.filter(({ priority }) => priority === 0).map(({ name }) => name),
      ).toEqual(['Name', 'Root Requester', 'Depth', 'Chain', 'Status', 'Age', 'Ends'])
      expect(table.rows[1]?.cells.slice(0, 7)).toEqual([
        'build-x7k2',
        'alice',
        2,
        'agent > Job/build > build-x7k2',
        'Running',
        '60s',
        '23h',
      ])
      expect(table.rows[1]?.object).toMatchObject({
        kind: 'PartialObjectMetadata',
        metadata: { name: 'build-x7k2' },
      })
    })

    test('as a Table of one object, with the object or without', async () => {
      const whole = await api.get(`${CHAINS}/agent?includeObject=Object`, 'alice', accepting(TABLE))
      expect(whole.json).toMatchObject({ rows: [{ object: { kind: 'Chain' } }] })
      const none = await api.get(`${CHAINS}/agent?includeObject=None`, 'alice', accepting(TABLE))
      expect(none.json).toMatchObject({ rows: [{ object: null }] })
    })

    test('as metadata alone', async () => {
      const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'
      const answer = await api.get(CHAINS, 'alice', accepting({ accept }))
      expect(answer.json).toMatchObject({ kind: 'PartialObjectMetadataList' })
      expect(answer.text).not.toContain('rootRequester')
    })
  })

  describe('auditevents', () => {
    beforeEach(async () => {
      await api.auditEvents.append(aDecision(1))
      await api.auditEvents.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
      await api.auditEvents.append(aRefusal(2))
      await api.auditEvents.append(aDecision(3, { caller: LONE, chain: aChain([LONE]) }))
    })

    test.each([aDecisionId(2), aDecisionId(2).toLowerCase()])('get finds %s', async (name) => {
      expect((await api.get(`${EVENTS}/${name}`)).json).toMatchObject({
        kind: 'AuditEvent',
        metadata: {
          name: aDecisionId(2).toLowerCase(),
          namespace: 'team',
          uid: aDecisionId(2),
          creationTimestamp: '2026-11-23T10:00:02Z',
        },
        spec: {
          decidedAt: '2026-11-23T10:00:02.000000Z',
          pod: 'build-x7k2',
          podUid: BUILD.podUid,
          container: 'build',
          serviceAccount: 'build-x7k2',
          rootRequester: 'alice',
          chain: { rootRequester: { username: 'alice' }, actors: [AGENT, BUILD] },
          verb: 'get',
          resource: 'secrets',
          name: 'db',
          effect: 'Deny',
          reason: 'rbac_denies',
          refusedBy: 'alice',
          observed: false,
        },
        status: { phase: 'Open' },
      })
    })

    test('get shows the outcome once there is one', async () => {
      expect((await api.get(`${EVENTS}/${aDecisionId(1)}`)).json).toMatchObject({
        status: {
          phase: 'Complete',
          httpStatus: 200,
          fault: '',
          responseBytes: 1_234,
          completedAt: '2026-11-23T10:00:01.020000Z',
        },
      })
    })

    test('get does not reach into another namespace', async () => {
      const answer = await api.get(`${EVENTS}/${aDecisionId(3)}`)
      expect(answer.status).toBe(404)
      expect(answer.json).toMatchObject({
        reason: 'NotFound',
        message: `auditevents.access.lanyard.dev "${aDecisionId(3)}" not found`,
      })
    })

    test('list is in the order of the decisions', async () => {
      expect(names(await list(`${ROOT}/auditevents`))).toEqual(
        [1, 2, 3].map((number) => aDecisionId(number).toLowerCase()),
      )
    })

    test.each([
      [`metadata.name=${aDecisionId(2).toLowerCase()}`, [2]],
      [`metadata.name=${aDecisionId(9).toLowerCase()}`, []],
      ['metadata.namespace=other', [3]],
      ['spec.rootRequester=alice', [1, 2, 3]],
      ['spec.pod=agent', [1]],
      ['spec.effect=Deny', [2]],
      ['spec.effect!=Deny', [1, 3]],
      ['spec.verb=list', []],
      ['spec.resource=pods,spec.effect=Allow', [1, 3]],
    ])('the field selector %s selects %j', async (selector, want) => {
      const found = await list(`${ROOT}/auditevents?fieldSelector=${encodeURIComponent(selector)}`)
      expect(names(found)).toEqual(want.map((number) => aDecisionId(number).toLowerCase()))
    })

    test('tail shows the newest, sinceTime what is not older', async () => {
      expect(names(await list(`${ROOT}/auditevents?tail=2`))).toEqual(
        [2, 3].map((number) => aDecisionId(number).toLowerCase()),
      )
      const since = encodeURIComponent(new Date(NOON_MS + 2_000).toISOString())
      expect(names(await list(`${EVENTS}?sinceTime=${since}`))).toEqual([
        aDecisionId(2).toLowerCase(),
      ])
      expect(names(await list(`${ROOT}/auditevents?sinceSeconds=57&tail=5`))).toEqual([
        aDecisionId(3).toLowerCase(),
      ])
    })

    test.each([
      [2, [1]],
      [0, []],
      [99, [1, 2, 3]],
    ])('untilTime %i s after ten leaves out what is not older', async (seconds, want) => {
      const until = encodeURIComponent(new Date(NOON_MS + seconds * 1_000).toISOString())
      expect(names(await list(`${ROOT}/auditevents?untilTime=${until}`))).toEqual(
        want.map((number) => aDecisionId(number).toLowerCase()),
      )
    })

    test('after shows what was recorded later, of what the list is about', async () => {
      const later = (number: number) => `after=${aDecisionId(number).toLowerCase()}`
      expect(names(await list(`${ROOT}/auditevents?${later(1)}`))).toEqual(
        [2, 3].map((number) => aDecisionId(number).toLowerCase()),
      )
      expect(names(await list(`${ROOT}/auditevents?${later(3)}`))).toEqual([])
      // The third is of another namespace: whoever lists this one is not told of it.
      for (const number of [3, 9]) {
        const { status, json } = await api.get(`${EVENTS}?${later(number)}`)
        expect(status).toBe(400)
        expect(json).toMatchObject({ message: expect.stringContaining('is on record here') })
      }
    })

    test('after a decision that was removed is Expired, and says where the list goes on', async () => {
      const events = api.auditEvents
      await events.removeOldest({
        ...{ decidedBeforeMs: NOON_MS + 2_000, limit: 9, reason: 'age', nowMs: NOON_MS + 9_000 },
      })
      const removed = await api.get(`${EVENTS}?after=${aDecisionId(1).toLowerCase()}`)
      expect(removed).toMatchObject({ status: 410, json: { reason: 'Expired', code: 410 } })
      expect(removed.json).toHaveProperty(
        'message',
        expect.stringMatching(/was removed, with all decisions up to 20.*: list without after/),
      )
      // What was never there is no decision.
      expect((await api.get(`${EVENTS}?after=${aDecisionId(9_999)}`)).status).toBe(400)
    })

    test('sinceTime, untilTime and after hold over pages of a long log', async () => {
      await decide(4, 1_500)
      const at = (second: number) => new Date(NOON_MS + second * 1_000).toISOString()
      const query = `sinceTime=${at(10)}&untilTime=${at(1_210)}&limit=500`
      const seen: string[] = []
      let token = ''
      do {
        const page = await list(`${EVENTS}?${query}${token}`)
        seen.push(...names(page))
        token = page.metadata.continue ? `&continue=${page.metadata.continue}` : ''
      } while (token !== '')
      expect(seen).toHaveLength(1_200)
      expect(seen.at(-1)).toBe(aDecisionId(1_209).toLowerCase())
    })

    test('tail and sinceTime find their place in a long log', async () => {
      await decide(4, 3_000)
      const newest = await list(`${EVENTS}?tail=3`)
      expect(names(newest)).toEqual(
        [2_998, 2_999, 3_000].map((number) => aDecisionId(number).toLowerCase()),
      )
      const deny = await list(`${EVENTS}?tail=3&fieldSelector=spec.effect%3DDeny`)
      expect(names(deny)).toEqual([aDecisionId(2).toLowerCase()])
      const since = encodeURIComponent(new Date(NOON_MS + 2_990_000).toISOString())
      expect(names(await list(`${EVENTS}?sinceTime=${since}`))).toHaveLength(11)
    })

    test('a page has no more than 500 objects, and all pages have all', async () => {
      await decide(4, 1_200)
      const seen: string[] = []
      const sizes: number[] = []
      let token = ''
      do {
        const page = await list(`${EVENTS}?limit=0${token === '' ? '' : `&continue=${token}`}`)
        seen.push(...names(page))
        sizes.push(page.items.length)
        token = page.metadata.continue ?? ''
      } while (token !== '')
      expect(sizes).toEqual([500, 500, 199])
      expect(new Set(seen).size).toBe(1_199)
    })

    test('a list in pieces leaves what is decided meanwhile to a watch', async () => {
      const first = await list(`${EVENTS}?limit=1`)
      await api.auditEvents.append(aDecision(500))
      const second = await list(`${EVENTS}?limit=50&continue=${first.metadata.continue}`)
      expect(names(second)).toEqual([aDecisionId(2).toLowerCase()])
      expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion)
    })

    test('as a Table', async () => {
      const answer = await api.get(EVENTS, 'alice', accepting(TABLE))
      const { rows } = answer.json as { rows: { cells: unknown[] }[] }
      expect(rows.map(({ cells }) => cells.slice(1, 9))).toEqual([
        ['Allow', 'get', 'pods', 'team/*', 'agent', 'alice', '200', '59s'],
        ['Deny', 'get', 'secrets', 'team/db', 'build-x7k2', 'alice', 'open', '58s'],
      ])
    })
  })

  describe('a request that is not served', () => {
    test.each([
      ['GET', `${CHAINS}/absent`, 404, 'NotFound'],
      ['GET', `${ROOT}/namespaces/team/others`, 404, 'NotFound'],
      ['GET', '/apis/access.lanyard.dev/v1/namespaces/team/chains', 404, 'NotFound'],
      ['GET', '/api/v1/namespaces/team/pods', 404, 'NotFound'],
      ['GET', `${CHAINS}/agent/status`, 404, 'NotFound'],
      ['GET', '/metrics', 404, 'NotFound'],
      ['POST', CHAINS, 405, 'MethodNotAllowed'],
      ['PUT', `${CHAINS}/agent`, 405, 'MethodNotAllowed'],
      ['PATCH', `${CHAINS}/agent`, 405, 'MethodNotAllowed'],
      ['DELETE', `${CHAINS}/agent`, 405, 'MethodNotAllowed'],
      ['DELETE', CHAINS, 405, 'MethodNotAllowed'],
      ['POST', '/apis', 405, 'MethodNotAllowed'],
      ['GET', `${ROOT}/chains/agent`, 405, 'MethodNotAllowed'],
      ['GET', '/apis//access.lanyard.dev', 400, 'BadRequest'],
      ['GET', `${ROOT}/namespaces/../chains`, 400, 'BadRequest'],
      ['GET', `${CHAINS}?limit=-1`, 400, 'BadRequest'],
      ['GET', `${CHAINS}?continue=x`, 400, 'BadRequest'],
      ['GET', `${CHAINS}?resourceVersion=x`, 400, 'BadRequest'],
      ['GET', `${CHAINS}?resourceVersion=99`, 504, 'Timeout'],
      ['GET', `${CHAINS}?watch=1&resourceVersion=99`, 410, 'Expired'],
      ['GET', `${CHAINS}?includeObject=All`, 400, 'BadRequest'],
      ['GET', `${EVENTS}?fieldSelector=spec.effect%3Ddeny`, 400, 'BadRequest'],
      ['GET', `${EVENTS}?sinceTime=today`, 400, 'BadRequest'],
      ['GET', `${EVENTS}?untilTime=today`, 400, 'BadRequest'],
      ['GET', `${EVENTS}?untilTime=2026-11-23T10:00:00Z&tail=2`, 400, 'BadRequest'],
      ['GET', `${EVENTS}?after=nothing`, 400, 'BadRequest'],
    ])('%s %s is %i %s', async (method, path, status, reason) => {
      const answer = await api.get(path, 'alice', { method })
      expect(answer.json).toMatchObject({ kind: 'Status', status: 'Failure', code: status, reason })
      expect(answer.status).toBe(status)
    })

    test('an unknown field selector is refused with those that are known', async () => {
      const answer = await api.get(`${CHAINS}?fieldSelector=spec.depth%3D2`)
      expect(answer.json).toMatchObject({
        code: 400,
        message:
          'field label not supported: spec.depth; chains supports metadata.name, metadata.namespace, spec.rootRequester',
      })
    })

    test('a form that is not offered is 406', async () => {
      const accept = 'application/vnd.kubernetes.protobuf'
      expect((await api.get(CHAINS, 'alice', accepting({ accept }))).status).toBe(406)
    })
  })
})
