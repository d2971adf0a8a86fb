import { expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import {
  createMemoryAuditEventStore,
  createMemoryPodBindingStore,
} from '../../test/support/memory-stores.ts'
import { AGENT, aBinding, aDecision, BUILD, NOON_MS } from '../../test/support/record-builders.ts'
import { Retention } from './retention.ts'

const DAY_MS = 86_400_000
const NONE = { daysMax: 0, bytesMax: 0, freeBytesMin: 0 }
const logger = createLogger({ name: 'test', level: 'error' })

/** 250 decisions, a second between two; what is removed gives a kilobyte each. */
async function aKeeper(limits: Partial<typeof NONE>, room = { bytes: 300_000, freeBytes: 0 }) {
  const auditEvents = createMemoryAuditEventStore()
  const swept: number[] = []
  const bindings = createMemoryPodBindingStore()
  for (let number = 1; number <= 250; number += 1) await auditEvents.append(aDecision(number))
  const clock = new ManualClock(NOON_MS + 2 * DAY_MS)
  let reusable = 0
  const shrunk: number[] = []
  const checkpoints: number[] = []
  const reasons: string[] = []
  const retention = new Retention({
    store: {
      ...{ auditEvents, bindings },
      recordings: { sweep: async () => undefined },
      size: () => ({ bytes: room.bytes, logBytes: 0, reusableBytes: reusable }),
      shrink(bytesMax) {
        shrunk.push(bytesMax)
        reusable = Math.max(0, reusable - 100_000_000)
        return true
      },
      checkpoint: () => void checkpoints.push(reusable),
    },
    limits: { ...NONE, ...limits },
    readFreeBytes: () => room.freeBytes,
    ...{ clock, logger },
    onRemoval({ reason, decisions }) {
      reasons.push(reason)
      reusable += decisions * 1_000
    },
  })
  async function look(): Promise<void> {
    const looking = retention.look()
    for (let step = 0; step < 50; step += 1) await clock.advance(100)
    await looking
  }
  /** As a store that keeps the rows of so many removed decisions. */
  function toSweep(rows: number): void {
    let kept = rows
    auditEvents.sweep = async (limit) => {
      const going = Math.min(limit, kept)
      kept -= going
      swept.push(going)
      return going
    }
  }
  const left = async () =>
    (await auditEvents.list({}, { afterSequence: 0, limit: 999 })).events.length
  return {
    auditEvents,
    bindings,
    retention,
    clock,
    look,
    left,
    reasons,
    shrunk,
    checkpoints,
    swept,
    toSweep,
  }
}

test('Retention removes nothing without limits', async () => {
  const { look, left, reasons } = await aKeeper({})
  await look()
  expect([await left(), reasons]).toEqual([250, []])
})

test('Retention removes what is too old, twenty-five at a time', async () => {
  const { look, left, reasons } = await aKeeper({ daysMax: 1 })
  await look()
  expect([await left(), reasons]).toEqual([0, Array(10).fill('age')])
})

test('Retention sweeps a few rows at a time, first those that a former process left', async () => {
  const { look, swept, toSweep } = await aKeeper({})
  toSweep(8)
  await look()
  expect(swept).toEqual([3, 3, 2, 0])
})

test('Retention removes as much as makes the database small enough', async () => {
  const { look, left, reasons } = await aKeeper({ bytesMax: 150_000 })
  await look()
  expect([await left(), reasons]).toEqual([100, Array(6).fill('size')])
})

test('Retention removes as much as makes room', async () => {
  const { look, left, reasons } = await aKeeper({ freeBytesMin: 90_000 })
  await look()
  expect([await left(), reasons]).toEqual([150, Array(4).fill('space')])
})

test('Retention forgets pods that ended before the oldest record, and those alone', async () => {
  const { bindings, look, clock } = await aKeeper({ daysMax: 1 })
  for (const actors of [[AGENT], [AGENT, BUILD]]) await bindings.record(aBinding(actors))
  await bindings.markEnded([AGENT.podUid], NOON_MS)
  await bindings.markEnded([BUILD.podUid], clock.nowMs())
  await look()
  expect(await bindings.find(AGENT.podUid)).toBeUndefined()
  expect(await bindings.find(BUILD.podUid)).toMatchObject({ podUid: BUILD.podUid })
})

test('Retention gives back to the volume what is more than a reserve', async () => {
  const { look, shrunk, checkpoints } = await aKeeper({ daysMax: 1 }, { bytes: 1e9, freeBytes: 0 })
  await look()
  expect([shrunk, checkpoints]).toEqual([[], []])
})

test('Retention looks again each minute, goes on after a failure, and ends when it is told', async () => {
  const { retention, auditEvents, clock, left } = await aKeeper({ daysMax: 1 })
  const { removeOldest } = auditEvents
  auditEvents.removeOldest = () => Promise.reject(new Error('full'))
  retention.start()
  await clock.advance(59_000)
  expect(await left()).toBe(250)
  auditEvents.removeOldest = removeOldest
  for (let step = 0; step < 40; step += 1) await clock.advance(100)
  expect(await left()).toBe(0)
  await retention.stop()
  await auditEvents.append(aDecision(1))
  await clock.advance(600_000)
  expect(await left()).toBe(1)
})
