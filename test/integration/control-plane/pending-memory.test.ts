import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAnswerWaiter } from '../../../control-plane/approvals/answer-waiter.ts'
import { openStore } from '../../../control-plane/store/open-store.ts'
import type { Store } from '../../../control-plane/store/store.ts'
import { SYSTEM_CLOCK } from '../../../platform/clock.ts'
import { aHeldRequest, aNewRequest } from '../../support/approval-parts.ts'
import { AGENT, aDecision, aDecisionId } from '../../support/record-builders.ts'

/* What requests cost that wait for an approval: each with a body as kubectl sends it, and as many calls as may wait. */

const PENDING = 10_000
const BODY = Buffer.alloc(4_096, 'x')
const MIB_MAX = 200

let folder: string
let store: Store
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lanyard-pending-'))
  store = await openStore(join(folder, 'lanyard.db'))
  await store.auditEvents.append({ ...aDecision(1), effect: 'hold' })
})
afterAll(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

/** Of the whole process, after a collection. */
function residentMiB(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().rss / 1_048_576
}

test(`${PENDING} requests that wait take less than ${MIB_MAX} MiB`, async () => {
  const before = residentMiB()
  const waiter = createAnswerWaiter(store.accessRequests, SYSTEM_CLOCK)
  const waiting: Promise<unknown>[] = []
  for (let from = 0; from < PENDING; from += 200) {
    const numbers = Array.from({ length: 200 }, (_, index) => from + index)
    const opened = await Promise.all(
      numbers.map((number) => {
        const held = aHeldRequest({ caller: AGENT, target: `/${number}` })
        const id = `01kb${String(number).padStart(22, '0')}`
        const request = aNewRequest({ id, held, decisionId: aDecisionId(1) })
        return store.accessRequests.open(request, BODY, () => {})
      }),
    )
    waiting.push(...opened.map(({ id }, index) => waiter.wait(id, `pod-${from + index}`, 2_000)))
  }
  const grown = residentMiB() - before
  process.stdout.write(
    `${PENDING} pending requests: ${grown.toFixed(1)} MiB, ${waiter.size()} calls wait\n`,
  )
  expect(store.accessRequests.pending('alice', 'team').all).toBe(PENDING)
  expect(grown).toBeLessThan(MIB_MAX)
  await Promise.all(waiting)
}, 120_000)
