import { EventEmitter } from 'node:events'
import { Metadata } from '@grpc/grpc-js'
import { beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { createMemoryAuditEventStore } from '../../test/support/memory-stores.ts'
import { aDecision, aDecisionId } from '../../test/support/record-builders.ts'
import type { AuditEventStore } from '../store/audit-event-store.ts'
import { createAuditService } from './reader-service.ts'

/** A reader over gRPC who takes `room` messages before they have to read. */
class Reader extends EventEmitter {
  readonly metadata = new Metadata()
  readonly request = { namespace: 'team', afterSequence: 0n }
  readonly ids: string[] = []
  readonly failures: string[] = []
  cancelled = false
  room = Infinity

  constructor() {
    super()
    this.metadata.set('authorization', 'Bearer token')
    this.on('error', ({ details }: { details: string }) => void this.failures.push(details))
  }

  write({ event }: { event: { id?: string } }): boolean {
    this.ids.push(event.id ?? '')
    return this.ids.length < this.room
  }

  leave(): void {
    this.cancelled = true
    this.emit('cancelled')
  }
}

let store: AuditEventStore
let listeners: number
let reader: Reader
let isPermitted: boolean
let asked: number
let nowMs: number

beforeEach(() => {
  store = createMemoryAuditEventStore()
  listeners = 0
  reader = new Reader()
  isPermitted = true
  asked = 0
  nowMs = 0
})

function watch(): void {
  const onCommit: AuditEventStore['onCommit'] = (listener) => {
    listeners += 1
    const stop = store.onCommit(listener)
    return () => {
      listeners -= 1
      stop()
    }
  }
  const service = createAuditService({
    auditEvents: { ...store, onCommit },
    reviewToken: async () => ({ username: 'alice', uid: '', groups: [], extra: {} }),
    access: {
      review: async () => {
        asked += 1
        return isPermitted ? 'allowed' : 'denied'
      },
    },
    now: () => nowMs,
    logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
  } as unknown as Parameters<typeof createAuditService>[0])
  service.watchAuditEvents(reader as unknown as Parameters<typeof service.watchAuditEvents>[0])
}

const ids = (...numbers: number[]) => numbers.map(aDecisionId)

test('watchAuditEvents() sends what is there, then what comes, and leaves nothing behind', async () => {
  await store.append(aDecision(1))
  watch()
  await expect.poll(() => reader.ids).toEqual(ids(1))
  await store.append(aDecision(2))
  await expect.poll(() => reader.ids).toEqual(ids(1, 2))
  expect(listeners).toBe(1)
  reader.leave()
  await expect.poll(() => listeners).toBe(0)
  expect(reader.failures).toEqual([])
})

test('watchAuditEvents() waits for a reader who does not read', async () => {
  for (const number of [1, 2, 3]) await store.append(aDecision(number))
  reader.room = 2
  watch()
  await expect.poll(() => reader.ids).toEqual(ids(1, 2))
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(reader.ids).toEqual(ids(1, 2))
  reader.room = Infinity
  reader.emit('drain')
  await expect.poll(() => reader.ids).toEqual(ids(1, 2, 3))
  reader.leave()
})

test('watchAuditEvents() refuses whoever may not, before it sends anything', async () => {
  isPermitted = false
  await store.append(aDecision(1))
  watch()
  await expect.poll(() => reader.failures.length).toBe(1)
  expect(reader.failures[0]).toContain('alice may not watch auditevents')
  expect(reader.ids).toEqual([])
})

test('watchAuditEvents() asks again after a while, and ends when the reader may no longer', async () => {
  await store.append(aDecision(1))
  watch()
  await expect.poll(() => reader.ids).toEqual(ids(1))
  expect(asked).toBe(1)
  await store.append(aDecision(2))
  await expect.poll(() => reader.ids).toEqual(ids(1, 2))
  expect(asked).toBe(1)
  nowMs = 5_000
  isPermitted = false
  await store.append(aDecision(3))
  await expect.poll(() => reader.failures.length).toBe(1)
  expect(reader.ids).toEqual(ids(1, 2))
  expect(listeners).toBe(0)
})
