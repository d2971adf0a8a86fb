import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { ServiceError } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AuditEventStore } from '../../../control-plane/store/audit-event-store.ts'
import {
  AuditService,
  type ListAuditEventsResponse,
  type WatchAuditEventsResponse,
} from '../../../proto/gen/lanyard/v1/audit_pb.ts'
import { Effect } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { createGrpcClient, type GrpcClient } from '../../../proto/grpc-service.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import {
  AGENT,
  aBinding,
  aDecision,
  aDecisionId,
  aUser,
  NOON_MS,
} from '../../support/record-builders.ts'

/* Readers of a log that is long beside what they look for: decisions must not wait for them. */

const DECISIONS = 24_000
const STRETCH = 5_000
/** The only ones with another verb. */
const RARE = [2, 11_000, DECISIONS]

const at = (number: number) => timestampFromMs(NOON_MS + number * 1_000)

let fixture: ControlPlaneFixture
let client: GrpcClient<typeof AuditService>
let reads: { readonly after: number; readonly span: number }[]

const decision = (number: number) =>
  aDecision(number, { effect: RARE.includes(number) ? 'deny' : 'allow' })

beforeEach(async () => {
  fixture = await startControlPlaneFixture()
  await fixture.store.bindings.record(aBinding([AGENT]))
  for (let first = 1; first <= DECISIONS; first += 4_000) {
    const numbers = Array.from({ length: 4_000 }, (_, index) => first + index)
    await Promise.all(numbers.map((number) => fixture.store.auditEvents.append(decision(number))))
  }
  fixture.tokens.set('reader', aUser('carol'))
  client = createGrpcClient(AuditService, fixture.address, fixture.credentials)
  reads = []
  const list = fixture.store.auditEvents.list
  vi.spyOn(fixture.store.auditEvents, 'list').mockImplementation(
    (...[filter, page]: Parameters<AuditEventStore['list']>) => {
      const { afterSequence: after, untilSequence = Infinity, limit } = page
      // One record at a place, whatever it is, ends where it begins: so a time is found.
      const span = limit === 1 && Object.keys(filter).length === 0 ? 1 : untilSequence - after
      reads.push({ after, span })
      return list(filter, page)
    },
  )
})

afterEach(async () => {
  client.close()
  await fixture.close()
})

function listed(request: object): Promise<ListAuditEventsResponse> {
  return new Promise((resolve, reject) => {
    client.listAuditEvents(request, bearer('reader'), {}, (error: ServiceError | null, answer) => {
      if (error === null && answer !== undefined) resolve(answer)
      else reject(error)
    })
  })
}

describe('listAuditEvents()', () => {
  test.each([
    ['nothing', { namespace: 'quiet' }, []],
    ['little', { effect: Effect.DENY }, RARE],
    ['little, in pages', { effect: Effect.DENY, pageSize: 2 }, [2, 11_000]],
    [
      'little, from where a page ended',
      { effect: Effect.DENY, afterSequence: 11_000n },
      [DECISIONS],
    ],
    ['nothing past the end', { afterSequence: 2n ** 63n }, []],
    ['little since a time', { effect: Effect.DENY, since: at(11_000) }, [11_000, DECISIONS]],
    ['little until a time', { effect: Effect.DENY, until: at(11_000) }, [2]],
    ['little between two times', { since: at(700), until: at(703) }, [700, 701, 702]],
    ['nothing before a time', { until: at(0) }, []],
  ])('that finds %s looks at no more than a stretch in one step', async (_name, request, want) => {
    const { events } = await listed(request)
    expect(events.map(({ id }) => id)).toEqual(want.map(aDecisionId))
    expect(Math.max(...reads.map(({ span }) => span))).toBeLessThanOrEqual(STRETCH)
  })

  test('gives as many as a page holds', async () => {
    const { events } = await listed({ namespace: 'team', pageSize: 900 })
    expect(events.map(({ sequence }) => Number(sequence))).toEqual(
      Array.from({ length: 900 }, (_, index) => index + 1),
    )
  })
})

describe('watchAuditEvents()', () => {
  test('of a quiet namespace looks at nothing twice, and at no more than a stretch in one step', async () => {
    const stream = client.watchAuditEvents({ namespace: 'quiet' }, bearer('reader'))
    stream.on('error', () => undefined)
    stream.on('data', () => undefined)
    await expect.poll(() => reads.at(-1)?.after).toBeGreaterThanOrEqual(DECISIONS - STRETCH)
    expect(Math.max(...reads.map(({ span }) => span))).toBeLessThanOrEqual(STRETCH)
    const before = reads.length
    await fixture.store.auditEvents.append(aDecision(DECISIONS + 1))
    await expect.poll(() => reads.length).toBeGreaterThan(before)
    expect(reads.slice(before)).toMatchObject([{ after: DECISIONS }])
    stream.cancel()
  })

  test('tells of everything that is there and comes, in order', async () => {
    const stream = client.watchAuditEvents(
      { namespace: 'team', afterSequence: BigInt(DECISIONS - 7_000) },
      bearer('reader'),
    )
    const told: number[] = []
    stream.on('error', () => undefined)
    stream.on('data', ({ event }: WatchAuditEventsResponse) => told.push(Number(event?.sequence)))
    await expect.poll(() => told.length, { timeout: 120_000 }).toBe(7_000)
    await fixture.store.auditEvents.complete(AGENT.podUid, aDecisionId(1), {
      httpStatus: 200,
      fault: '',
      responseBytes: 0,
      completedAtMs: 1,
    })
    await fixture.store.auditEvents.append(aDecision(DECISIONS + 1))
    await expect.poll(() => told.length).toBe(7_001)
    const before = Array.from({ length: 7_000 }, (_, index) => DECISIONS - 6_999 + index)
    // The outcome has a place of its own between them, and is told with its decision.
    expect(told).toEqual([...before, DECISIONS + 2])
    stream.cancel()
  })
})
