import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../../core/fault.ts'
import {
  aGrant,
  aHeldRequest,
  aNewRequest,
  HELD_AT_MS,
} from '../../../test/support/approval-parts.ts'
import { AGENT, aDecision, aDecisionId } from '../../../test/support/record-builders.ts'
import type { NewAccessRequest, RequestChange } from '../access-request-store.ts'
import { openStore } from '../open-store.ts'
import type { Store } from '../store.ts'

let folder: string
let store: Store
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lanyard-access-requests-'))
  store = await openStore(join(folder, 'lanyard.db'))
  await store.auditEvents.append({ ...aDecision(1), effect: 'hold' })
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

const BODY = Buffer.from('{"spec":{}}')
const decisionId = aDecisionId(1)

function aRequestOf(number: number, parts: Partial<NewAccessRequest> = {}): NewAccessRequest {
  const held = aHeldRequest({ caller: AGENT, target: `/${number}` })
  const id = `01kb${String(number).padStart(22, '0')}`
  return aNewRequest({ id, held, decisionId, ...parts })
}

const openRequest = (request = aRequestOf(1)) => store.accessRequests.open(request, BODY, () => {})

/** Approves, with a grant of one use. */
const approving: RequestChange = (request) => ({
  request: { ...request, phase: 'Approved', grantId: aGrant().id },
  grant: {
    grant: aGrant({ requestId: request.id }),
    key: { scope: 'request', key: request.digest },
  },
})

const changesOnRecord = async () =>
  (await store.auditEvents.get(decisionId))?.accessChanges?.map(({ change }) => change) ?? []

describe('the SQLite store of access requests', () => {
  test('loses nothing of a pending request, its body and a grant when it is opened again', async () => {
    const request = await openRequest()
    const granted = await openRequest(aRequestOf(2))
    await store.accessRequests.change(granted.id, approving)
    await store.close()
    store = await openStore(join(folder, 'lanyard.db'))
    const { accessRequests } = store
    expect(accessRequests.get(request.id)).toEqual(request)
    expect(accessRequests.findPending(request.digest)?.id).toBe(request.id)
    expect(accessRequests.body(request.id)).toEqual(BODY)
    const key = { scope: 'request', key: granted.digest } as const
    expect(accessRequests.findGrants([key])).toMatchObject([{ id: aGrant().id, phase: 'Active' }])
    expect(await changesOnRecord()).toEqual(['requested', 'requested', 'granted'])
  })

  test('keeps one pending request for the same bytes, and asks for room only for another', async () => {
    const first = await openRequest()
    const again = await store.accessRequests.open(aRequestOf(1, { id: 'other' }), BODY, () => {
      throw new Fault('permission_denied', 'no room')
    })
    expect(again).toEqual(first)
  })

  test('keeps nothing of a request for which there is no room', async () => {
    const { accessRequests } = store
    const full = accessRequests.open(aRequestOf(1), BODY, () => {
      throw new Fault('permission_denied', 'no room')
    })
    await expect(full).rejects.toMatchObject({ code: 'permission_denied', message: 'no room' })
    expect(accessRequests.list({}, '', 9)).toEqual([])
    expect(await changesOnRecord()).toEqual([])
  })

  test('keeps nothing of a request whose decision is not on record, or of another pod', async () => {
    const missing = store.accessRequests.open(
      aRequestOf(1, { decisionId: aDecisionId(9) }),
      BODY,
      () => {},
    )
    await expect(missing).rejects.toMatchObject({ code: 'not_found' })
    const held = aHeldRequest()
    const foreign = store.accessRequests.open(aRequestOf(1, { held }), BODY, () => {})
    await expect(foreign).rejects.toMatchObject({ code: 'not_found' })
    expect(store.accessRequests.list({}, '', 9)).toEqual([])
    expect(store.accessRequests.revision()).toBe(0)
  })

  test('uses a grant once, whoever asks at the same time, and records no decision for the others', async () => {
    const { id } = await openRequest()
    await store.accessRequests.change(id, approving)
    const events = [2, 3, 4].map((number) => ({ ...aDecision(number), grantId: aGrant().id }))
    const used = await Promise.all(
      events.map((event) => store.accessRequests.use(aGrant().id, event, HELD_AT_MS + 1)),
    )
    expect(used).toEqual([true, false, false])
    const found = await Promise.all([2, 3, 4].map((one) => store.auditEvents.get(aDecisionId(one))))
    expect(found.map((event) => event?.grantId)).toEqual([aGrant().id, undefined, undefined])
    expect(store.accessRequests.grant(aGrant().id)).toMatchObject({ phase: 'Used', uses: 1 })
  })

  test('goes on with the records of others after a change that threw', async () => {
    const { id } = await openRequest()
    const thrown = store.accessRequests.change(id, () => {
      throw new Fault('request_invalid', 'no')
    })
    const [, appended] = await Promise.allSettled([thrown, store.auditEvents.append(aDecision(2))])
    expect(appended.status).toBe('fulfilled')
    await store.auditEvents.append(aDecision(3))
    const { events } = await store.auditEvents.list({}, { afterSequence: 0, limit: 9 })
    expect(events.map((event) => event.id)).toEqual([1, 2, 3].map((one) => aDecisionId(one)))
  })

  test('tells what changed since a revision, and what was removed after its time', async () => {
    const { accessRequests } = store
    let told = 0
    accessRequests.onChange(() => {
      told += 1
    })
    const { id, revision } = await openRequest()
    await accessRequests.change(id, (request) => ({
      request: { ...request, phase: 'Expired', closing: { atMs: 5, by: '', reason: '' } },
    }))
    expect(accessRequests.changesAfter(revision, 9)).toMatchObject([
      { kind: 'request', id, request: { phase: 'Expired' } },
    ])
    expect(await accessRequests.removeClosed(5, 9)).toBe(0)
    expect(await accessRequests.removeClosed(6, 9)).toBe(1)
    expect(accessRequests.changesAfter(revision, 9)).toMatchObject([{ id, gone: true }])
    expect(accessRequests.get(id)).toBeUndefined()
    expect(told).toBe(3)
  })

  test('keeps no body of what expired', async () => {
    const { id } = await openRequest()
    await store.accessRequests.change(id, (request) => ({
      request: { ...request, phase: 'Expired', closing: { atMs: 5, by: '', reason: '' } },
    }))
    expect(store.accessRequests.body(id)).toBeUndefined()
  })
})
