import { expect, test } from 'vitest'
import { createMemoryAuditEventStore } from '../../test/support/memory-stores.ts'
import { aDecision, aDecisionId, NOON_MS } from '../../test/support/record-builders.ts'
import { createAuditEventScan, STRETCH } from './audit-event-scan.ts'

/** A log of so many decisions, a second apart, of which every tenth is selected; with how often it was read. */
async function aLog(count: number, onlyTenth = true) {
  const store = createMemoryAuditEventStore()
  for (let number = 1; number <= count; number += 1) {
    await store.append(aDecision(number, { decidedAtMs: NOON_MS + number * 1_000 }))
  }
  const stretches: number[] = []
  const reader = {
    ...store,
    list: (...[filter, stretch]: Parameters<typeof store.list>) => {
      stretches.push((stretch.untilSequence ?? Number.POSITIVE_INFINITY) - stretch.afterSequence)
      return store.list(filter, stretch)
    },
  }
  const tenths = new Set(Array.from({ length: count }, (_, at) => aDecisionId(10 * (at + 1))))
  const scan = createAuditEventScan(reader, {}, ({ id }) => !onlyTenth || tenths.has(id))
  return { scan, stretches }
}

async function collect(
  scan: Awaited<ReturnType<typeof aLog>>['scan'],
  after: number,
  until: number,
  most = 1_000,
) {
  const found: number[] = []
  const last = await scan.forward(after, until, ({ sequence }) => found.push(sequence) < most)
  return { found, last }
}

test.each([
  ['all that is selected', 0, 45, 99, [10, 20, 30, 40], 45],
  ['nothing outside', 10, 30, 99, [20, 30], 30],
  ['no further than it is taken', 0, 45, 2, [10, 20], 20],
  ['nothing in an empty stretch', 20, 20, 99, [], 20],
  ['no further than the log', 40, 900, 99, [50], 50],
])('forward() finds %s', async (_case, after, until, most, found, last) => {
  const { scan } = await aLog(50)
  expect(await collect(scan, after, until, most)).toEqual({ found, last })
})

test('forward() looks at a stretch at a time, and finds over more than one page', async () => {
  const { scan, stretches } = await aLog(450, false)
  const { found } = await collect(scan, 0, 450)
  expect(found).toEqual(Array.from({ length: 450 }, (_, at) => at + 1))
  expect(Math.max(...stretches.filter(Number.isFinite))).toBeLessThanOrEqual(STRETCH)
})

test.each([
  ['the last few, oldest first', 2, undefined, [40, 50]],
  ['all where fewer are there', 99, undefined, [10, 20, 30, 40, 50]],
  ['none decided before', 99, NOON_MS + 30_000, [30, 40, 50]],
  ['none', 0, undefined, []],
])('newest() gives %s', async (_case, count, sinceMs, want) => {
  const { scan } = await aLog(50)
  expect((await scan.newest(count, sinceMs)).map(({ sequence }) => sequence)).toEqual(want)
})

test('sequenceBefore() and sequenceUntil() leave room for what was decided out of order', async () => {
  const { scan } = await aLog(50)
  expect(await scan.sequenceBefore(NOON_MS + 30_000)).toBe(19)
  expect(await scan.sequenceUntil(NOON_MS + 30_000)).toBe(39)
  expect(await scan.sequenceBefore(NOON_MS + 900_000)).toBe(50)
  expect(await scan.sequenceUntil(0)).toBe(0)
  expect(await scan.highestSequence()).toBe(50)
})

test('an empty log has nothing to find', async () => {
  const { scan } = await aLog(0)
  expect(await collect(scan, 0, 10)).toEqual({ found: [], last: 0 })
  expect([await scan.newest(5, undefined), await scan.highestSequence()]).toEqual([[], 0])
})
