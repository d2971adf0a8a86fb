import { describe, expect, test } from 'vitest'
import type { AccessGrant, AccessRequest } from '../../core/approvals/access-request.ts'
import { aWaitingRequest } from '../../test/support/access-request-parts.ts'
import { aHeldRule } from '../../test/support/approval-parts.ts'
import { NOON_MS } from '../../test/support/record-builders.ts'
import { requestNotice, toNotice } from './approval-notice.ts'

const WAITING: AccessRequest = {
  ...aWaitingRequest(1, { body: '{"data":{"password":"c2VjcmV0"}}', reason: 'INC-7' }),
  revision: 1,
}
const GRANT: AccessGrant = {
  ...{ id: '02', requestId: '01', scope: 'rule', namespace: 'team', pod: 'agent' },
  ...{ rootRequester: 'alice', rules: ['agents/careful'], approvedBy: ['alice'] },
  ...{ breakGlass: false, createdAtMs: NOON_MS, expiresAtMs: NOON_MS + 1_000, usesMax: 0 },
  ...{ uses: 0, phase: 'Active', revision: 2 },
}

describe('requestNotice()', () => {
  test('says who asks for what, who may approve, and where to look', () => {
    const { id } = WAITING
    expect(requestNotice(WAITING)).toMatchObject({
      ...{ id: `${id}-pending`, type: 'accessrequest.pending', namespace: 'team', request: id },
      atMs: WAITING.createdAtMs,
      data: { rootRequester: 'alice', reason: 'INC-7', digest: WAITING.digest },
    })
    expect(requestNotice(WAITING).text.split('\n')).toEqual([
      `AccessRequest ${id} waits for an approval: delete deployments.apps "web" in namespace team`,
      'For alice, by pod team/agent',
      'Rule agents/careful wants 1 of: Group oncall',
      'The caller says, unchecked: INC-7',
      `Until 2026-11-23T10:10:01.000Z: kubectl lanyard request show ${id} -n team`,
    ])
  })

  test('holds no body and no digest of values', () => {
    expect(JSON.stringify(requestNotice(WAITING))).not.toMatch(/password|c2VjcmV0/)
  })

  test.each([
    ['nobody', aHeldRule({ approvers: [] }), 'wants 1 of: nobody'],
    ['who asks', aHeldRule({ approvers: [], self: true }), 'wants 1 of: who asks (break glass)'],
  ])('names %s', (_who, rule, text) => {
    expect(requestNotice({ ...WAITING, rules: [rule] }).text).toContain(text)
  })

  test('says how it ended', () => {
    const closing = { atMs: NOON_MS + 5_000, by: 'oncall', reason: 'use staging' }
    const denied = requestNotice({ ...WAITING, phase: 'Denied', closing })
    expect(denied).toMatchObject({ type: 'accessrequest.denied', atMs: NOON_MS + 5_000 })
    expect(denied.text).toContain('was denied by oncall')
    expect(denied.text).toContain('Reason: use staging')
  })
})

describe('toNotice() of a grant', () => {
  const of = (parts: Partial<AccessGrant>) =>
    toNotice({ kind: 'grant', id: '02', revision: 2, grant: { ...GRANT, ...parts } })

  test.each([
    ['another grant', {}, undefined],
    ['break glass', { breakGlass: true }, 'accessgrant.breakglass'],
    ['break glass that was used already', { breakGlass: true, uses: 1 }, undefined],
    ['one that was revoked', { phase: 'Revoked' }, 'accessgrant.revoked'],
    ['one that expired', { phase: 'Expired' }, undefined],
  ] as const)('tells %s', (_what, parts, type) => {
    expect(of(parts)?.type).toBe(type)
  })

  test('tells nothing of what was removed after its time', () => {
    const gone = { kind: 'grant', id: '02', revision: 2, gone: true } as const
    expect(toNotice({ ...gone, grant: { ...GRANT, phase: 'Revoked' } })).toBeUndefined()
  })
})
