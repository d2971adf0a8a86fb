import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Retention } from '../../../control-plane/retention/retention.ts'
import { openStore } from '../../../control-plane/store/open-store.ts'
import type { Store } from '../../../control-plane/store/store.ts'
import { SYSTEM_CLOCK } from '../../../platform/clock.ts'
import { createLogger } from '../../../platform/logger.ts'
import {
  AGENT,
  aBinding,
  aDecision,
  aDecisionId,
  anOutcome,
  NOON_MS,
} from '../../support/record-builders.ts'

/* Old records go from a real file, beside the traffic. */

const OLD = 40_000
const logger = createLogger({ name: 'test', level: 'error' })
const limits = { daysMax: 1, bytesMax: 0, freeBytesMin: 0 }
let folder: string
let path: string
let store: Store

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-retention-'))
  path = join(folder, 'lanyard.db')
  store = await openStore(path)
  await store.bindings.record(aBinding([AGENT]))
  for (let first = 1; first <= OLD; first += 4_000) {
    const numbers = Array.from({ length: 4_000 }, (_, index) => first + index)
    await Promise.all(numbers.map((number) => store.auditEvents.append(aDecision(number))))
    await Promise.all(
      numbers.map((number) =>
        store.auditEvents.complete(AGENT.podUid, aDecisionId(number), anOutcome(number)),
      ),
    )
  }
}, 120_000)

afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true })
})

function aRetention(): Retention {
  return new Retention({
    ...{ store, limits, logger, clock: SYSTEM_CLOCK },
    readFreeBytes: () => 1e12,
  })
}

/** Milliseconds from a new decision to its being on disk; the slowest hundredth of `count`. */
async function slowest(count: number): Promise<number> {
  const times: number[] = []
  for (let index = 0; index < count; index += 1) {
    const began = performance.now()
    const id = `${aDecisionId(OLD + 1)}${times.length}-${began}`
    await store.auditEvents.append(aDecision(1, { id, decidedAtMs: Date.now() + 1e9 }))
    times.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return times.toSorted((a, b) => a - b)[Math.floor(count * 0.99)] ?? 0
}

test('Retention removes the old, keeps the new, says what went, and the file shrinks', async () => {
  const fresh = aDecision(OLD + 1, { decidedAtMs: Date.now() })
  await store.auditEvents.append(fresh)
  await store.bindings.markEnded([AGENT.podUid], NOON_MS)
  const before = store.size()
  await aRetention().look()
  const page = await store.auditEvents.list({}, { afterSequence: 0, limit: 10 })
  expect(page.events.map(({ id }) => id)).toEqual([fresh.id])
  const removals = await store.auditEvents.removals(OLD)
  expect(removals.reduce((sum, { decisions }) => sum + decisions, 0)).toBe(OLD)
  expect(removals.reduce((sum, { records }) => sum + records, 0)).toBe(2 * OLD)
  expect(store.size().bytes - store.size().reusableBytes).toBeLessThan(before.bytes / 4)
  const { size } = await stat(path)
  expect(size).toBeLessThan(20 * 1024 * 1024)
  // A record rests on its chain, so the pod stays on record although it ended long ago.
  expect(await store.bindings.find(AGENT.podUid)).toMatchObject({ podUid: AGENT.podUid })
}, 120_000)

test('Retention lets decisions go on meanwhile', async () => {
  await slowest(200)
  const alone = await slowest(1_000)
  const retention = aRetention()
  const looking = retention.look()
  const beside = await slowest(1_000)
  await retention.stop()
  await looking
  const { removedUntil } = await store.auditEvents.list({}, { afterSequence: 0, limit: 1 })
  expect(removedUntil).toBeGreaterThan(0)
  // The slowest hundredth may wait for one batch of removals; disks of test machines are noisier than that.
  expect(beside).toBeLessThan(Math.max(2 * alone, alone + 25))
}, 120_000)
