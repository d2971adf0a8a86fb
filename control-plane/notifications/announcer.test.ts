import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { approvalsOf, openRequest } from '../../test/support/access-request-parts.ts'
import { aUser } from '../../test/support/record-builders.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { announceApprovals } from './announcer.ts'

let store: Store
let told: string[]
let stop: () => void

beforeEach(async () => {
  store = await openStore(':memory:')
  told = []
})
afterEach(async () => {
  stop()
  await store.close()
})

function announce(): void {
  stop = announceApprovals(store.accessRequests, { tell: ({ id }) => void told.push(id) })
}

describe('announceApprovals()', () => {
  test('tells what waits already, and what changes from then on', async () => {
    const first = await openRequest(store, 1)
    announce()
    expect(told).toEqual([`${first.id}-pending`])
    const second = await openRequest(store, 2)
    const by = aUser('oncall', ['oncall'])
    await approvalsOf(store).deny(first.id, { by, reason: 'no', digest: first.digest })
    expect(told).toEqual([`${first.id}-pending`, `${second.id}-pending`, `${first.id}-denied`])
  })

  test('tells nothing of what has ended, and nothing once it is stopped', async () => {
    const first = await openRequest(store, 1)
    const by = aUser('oncall', ['oncall'])
    await approvalsOf(store).deny(first.id, { by, reason: 'no', digest: first.digest })
    announce()
    stop()
    await openRequest(store, 2)
    expect(told).toEqual([])
  })
})
