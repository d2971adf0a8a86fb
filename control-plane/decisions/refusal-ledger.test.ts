import { afterEach, beforeEach, expect, test } from 'vitest'
import { AGENT, aBinding, aRefusal, BUILD } from '../../test/support/record-builders.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { RefusalLedger } from './refusal-ledger.ts'

const POD = { root: 'alice', pod: BUILD.podUid }
const NOW_MS = 1_700_000_000_000
let store: Store
let ledger: RefusalLedger
let made = 0

beforeEach(async () => {
  store = await openStore(':memory:')
  await store.bindings.record(aBinding([AGENT, BUILD]))
  ledger = new RefusalLedger(store.auditEvents)
})

afterEach(() => store.close())

/** Refuses once, and gives the id of the record that the caller is told. */
async function refuse(parts: {
  readonly share?: typeof POD
  readonly reason?: string
  readonly verb?: string
  readonly path?: string
  readonly nowMs?: number
}): Promise<string> {
  const { share = POD, reason = 'rbac_denies', verb = 'get', nowMs = NOW_MS } = parts
  made += 1
  const place = ledger.place(share, reason, verb, `id-${made}`, nowMs)
  const event = aRefusal(1, { id: place.id, reason, decidedAtMs: nowMs })
  const path = parts.path ?? `/p/${made}`
  await place.record({ ...event, attributes: { ...event.attributes, verb, path } })
  return place.id
}

const all = async () =>
  (await store.auditEvents.list({}, { afterSequence: 0, limit: 1_000 })).events

const counted = async () =>
  (await all()).reduce((sum, { summary }) => sum + (summary?.count ?? 1), 0)

test('RefusalLedger gives the first of a pod a record each, and sums up the rest, none lost', async () => {
  const told = await Promise.all(Array.from({ length: 1_000 }, () => refuse({})))
  const events = await all()
  expect(events).toHaveLength(61)
  expect(await counted()).toBe(1_000)
  const last = events.at(-1)
  expect(last?.summary).toMatchObject({ count: 940, lastAtMs: NOW_MS })
  expect(last?.summary?.samples).toHaveLength(8)
  expect(new Set(told)).toEqual(new Set(events.map(({ id }) => id)))
})

test('RefusalLedger sums up each reason and verb in a record of its own, and so each pod', async () => {
  await Promise.all(Array.from({ length: 60 }, () => refuse({})))
  const kinds = [
    { reason: 'guard' },
    { reason: 'guard', verb: 'list' },
    { reason: 'no_rule' },
    { reason: 'guard' },
  ]
  const told = await Promise.all(kinds.map(refuse))
  expect(new Set(told).size).toBe(3)
  expect(told[3]).toBe(told[0])
  const other = await refuse({ share: { root: 'bob', pod: 'other' } })
  expect((await store.auditEvents.get(other))?.summary).toBeUndefined()
})

test('RefusalLedger begins a new record after ten minutes, and single ones once there is room', async () => {
  await Promise.all(Array.from({ length: 60 }, () => refuse({})))
  const first = await refuse({})
  expect(await refuse({ nowMs: NOW_MS + 900 })).toBe(first)
  const single = await refuse({ nowMs: NOW_MS + 1_100 })
  expect((await store.auditEvents.get(single))?.summary).toBeUndefined()
  await Promise.all(Array.from({ length: 60 }, () => refuse({ nowMs: NOW_MS + 600_000 })))
  expect(await refuse({ nowMs: NOW_MS + 600_000 })).not.toBe(first)
})

test('RefusalLedger bounds what all pods of one root requester have', async () => {
  const shares = Array.from({ length: 100 }, (_, pod) => ({ root: 'alice', pod: `pod-${pod}` }))
  for (const share of shares) await Promise.all([1, 2, 3, 4].map(() => refuse({ share })))
  const singles = (await all()).filter(({ summary }) => summary === undefined)
  expect(singles).toHaveLength(300)
  expect(await counted()).toBe(300 + 100)
})

test('RefusalLedger tells nobody that is counted what is not on disk', async () => {
  const fails = () => Promise.reject(new Error('full'))
  ledger = new RefusalLedger({ append: fails, sum: fails })
  const results = await Promise.allSettled(Array.from({ length: 100 }, () => refuse({})))
  expect(results.filter(({ status }) => status === 'fulfilled')).toEqual([])
})

test('RefusalLedger keeps samples short and without repetition', async () => {
  await Promise.all(Array.from({ length: 60 }, () => refuse({})))
  const path = `/${'x'.repeat(2_000)}`
  const [id = ''] = await Promise.all([refuse({ path }), refuse({ path }), refuse({ path: '/y' })])
  const { summary } = (await store.auditEvents.get(id)) ?? {}
  expect(summary?.samples).toEqual([`get ${path}`.slice(0, 256), 'get /y'])
})
