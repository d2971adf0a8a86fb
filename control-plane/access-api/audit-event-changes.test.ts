import { expect, test } from 'vitest'
import { createMemoryAuditEventStore } from '../../test/support/memory-stores.ts'
import { AGENT, aDecision, aDecisionId, anOutcome } from '../../test/support/record-builders.ts'
import { createAuditEventChanges } from './audit-event-changes.ts'

const DECISIONS = 12_000

/** Decisions of namespace team, each with its outcome, and what a watch of `namespace` reads of them. */
async function aLongLog(namespace: string, afterRevision = 0) {
  const store = createMemoryAuditEventStore()
  for (let number = 1; number <= DECISIONS; number += 1) await store.append(aDecision(number))
  for (let number = 1; number <= 100; number += 1) {
    await store.complete(AGENT.podUid, aDecisionId(number), anOutcome(number))
  }
  const reads: { readonly after: number; readonly span: number }[] = []
  const changes = createAuditEventChanges(
    {
      ...store,
      changes(filter, page) {
        const { afterSequence: after, untilSequence = Infinity } = page
        reads.push({ after, span: untilSequence - after })
        return store.changes(filter, page)
      },
    },
    { filter: { namespace }, isSelected: () => true, afterRevision, knownSequence: 0 },
  )
  async function readAll(): Promise<readonly string[]> {
    const names: string[] = []
    for (;;) {
      const page = await changes.next()
      names.push(...page.changes.map(({ object }) => object.metadata.name))
      if (!page.more) return names
    }
  }
  return { store, reads, changes, readAll }
}

test('createAuditEventChanges() looks at no more than 5000 changes in one read', async () => {
  const { reads, readAll } = await aLongLog('quiet')
  expect(await readAll()).toEqual([])
  expect(reads).toHaveLength(3)
  expect(Math.max(...reads.map(({ span }) => span))).toBe(5_000)
})

test('createAuditEventChanges() looks at nothing twice, though nothing was for the watcher', async () => {
  const { store, reads, readAll } = await aLongLog('quiet')
  await readAll()
  reads.length = 0
  await store.append(aDecision(DECISIONS + 1))
  expect(await readAll()).toEqual([])
  expect(reads).toMatchObject([{ after: DECISIONS + 100 }])
})

test('createAuditEventChanges() leaves nothing out', async () => {
  const { store, readAll, changes } = await aLongLog('team')
  // The first hundred have changed since, so they are told of once, where they changed.
  const numbers = Array.from({ length: DECISIONS }, (_, index) => ((index + 100) % DECISIONS) + 1)
  const names = await readAll()
  expect(names).toEqual(numbers.map((number) => aDecisionId(number).toLowerCase()))
  await store.append(aDecision(DECISIONS + 1))
  expect((await changes.next()).revision).toBe(DECISIONS + 101)
})

test('createAuditEventChanges() waits where the log ends, when it begins past it', async () => {
  const { readAll, changes, store } = await aLongLog('team', DECISIONS + 100)
  expect(await readAll()).toEqual([])
  await store.append(aDecision(DECISIONS + 1))
  const { changes: told, more } = await changes.next()
  expect(told).toHaveLength(1)
  expect(more).toBe(false)
})
