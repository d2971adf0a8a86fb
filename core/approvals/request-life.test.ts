import { describe, expect, test } from 'vitest'
import {
  aGrant,
  aHeldRequest,
  aHeldRule,
  anAccessRequest,
  aPerson,
  HELD_AT_MS,
} from '../../test/support/approval-parts.ts'
import {
  cancel,
  expire,
  expireGrant,
  isAlive,
  isUsable,
  type ReviewInput,
  review,
  revoke,
  use,
  widestScope,
} from './request-life.ts'

const SOON = HELD_AT_MS + 1_000
const LATE = HELD_AT_MS + 3_600_000
const oscar = aPerson('oscar', { groups: ['oncall'] })
const olga = aPerson('olga', { groups: ['oncall'] })

const pending = anAccessRequest()
const input = (parts: Partial<ReviewInput> = {}): ReviewInput => ({
  ...{ answer: 'approve', by: oscar, reason: 'INC-1', digest: pending.digest, scope: 'request' },
  ...parts,
})

describe('review()', () => {
  test('makes a grant of the last approval that is needed, for as long as the rule says', () => {
    const reviewed = review(pending, input(), SOON, 'g')
    expect(reviewed).toMatchObject({
      request: { phase: 'Approved', grantId: 'g', closing: { by: 'oscar', reason: 'INC-1' } },
      grant: { phase: 'Active', usesMax: 1, uses: 0, expiresAtMs: SOON + 900_000 },
    })
  })

  test.each([
    ['request', 1],
    ['command', 0],
    ['rule', 0],
  ] as const)('makes a grant of the scope %s that has %d uses', (scope, usesMax) => {
    expect(review(pending, input({ scope }), SOON, 'g')).toMatchObject({
      grant: { scope, usesMax },
    })
  })

  test('needs as many different people as the rule says, and approves the narrowest of their scopes', () => {
    const two = anAccessRequest({ rules: [aHeldRule({ minimum: 2 })] })
    const first = review(two, input({ digest: two.digest, scope: 'rule' }), SOON, 'g')
    expect(first).toMatchObject({ request: { phase: 'Pending' } })
    expect(first).not.toHaveProperty('grant')
    const half = { ...two, ...('request' in first ? first.request : {}) }
    expect(review(half, input({ digest: two.digest }), SOON, 'g')).toMatchObject({
      refused: { code: 'conflict', message: /another person is needed/ },
    })
    const second = input({ digest: two.digest, by: olga, scope: 'command' })
    expect(review(half, second, SOON, 'g')).toMatchObject({
      request: { phase: 'Approved' },
      grant: { scope: 'command', approvedBy: ['oscar', 'olga'] },
    })
  })

  test('wants each rule satisfied by its own approvers', () => {
    const rules = [
      aHeldRule({}, 'agents/careful'),
      aHeldRule({ approvers: [{ kind: 'User', name: 'sam' }], durationMs: 60_000 }, 'prod/all'),
    ]
    const both = anAccessRequest({ rules })
    const first = review(both, input({ digest: both.digest }), SOON, 'g')
    expect(first).toMatchObject({ request: { phase: 'Pending' } })
    const half = { ...both, ...('request' in first ? first.request : {}) }
    const second = input({ digest: both.digest, by: aPerson('sam') })
    expect(review(half, second, SOON, 'g')).toMatchObject({
      grant: { expiresAtMs: SOON + 60_000, rules: ['agents/careful', 'prod/all'] },
    })
  })

  test('denies for good, whoever approved before', () => {
    const two = anAccessRequest({ rules: [aHeldRule({ minimum: 2 })] })
    const first = review(two, input({ digest: two.digest }), SOON, 'g')
    const half = { ...two, ...('request' in first ? first.request : {}) }
    const denied = review(half, input({ digest: two.digest, answer: 'deny', by: olga }), SOON, 'g')
    expect(denied).toMatchObject({ request: { phase: 'Denied', closing: { by: 'olga' } } })
    expect(denied).not.toHaveProperty('grant')
  })

  test.each([
    ['an approval after the time to answer', pending, {}, LATE, 'conflict', /time .* is over/],
    [
      'what was cancelled',
      { ...pending, phase: 'Cancelled' as const, closing: { atMs: 0, by: 'alice', reason: '' } },
      {},
      SOON,
      'conflict',
      /is Cancelled already by alice/,
    ],
    [
      'other bytes than were shown',
      pending,
      { digest: 'x' },
      SOON,
      'conflict',
      /look at the request/,
    ],
    ['nobody of the approvers', pending, { by: aPerson('eve') }, SOON, 'forbidden', /no approver/],
    [
      'a scope that is too wide',
      anAccessRequest({ rules: [aHeldRule({ widestScope: 'request' })] }),
      { scope: 'rule' as const },
      SOON,
      'invalid',
      /wider than the policy has it/,
    ],
    [
      'no reason where one is required',
      anAccessRequest({ rules: [aHeldRule({ requireReason: true })] }),
      { reason: '' },
      SOON,
      'invalid',
      /requires a reason/,
    ],
  ] as const)('refuses %s', (_title, request, parts, atMs, code, message) => {
    const given = input({ digest: request.digest, ...parts })
    expect(review(request, given, atMs, 'g')).toEqual({
      refused: { code, message: expect.stringMatching(message) },
    })
  })

  test('lets nobody approve where there is no rule, and where a rule names nobody', () => {
    const none = anAccessRequest({ rules: [] })
    const nobody = anAccessRequest({ rules: [aHeldRule({ approvers: [] })] })
    for (const request of [none, nobody]) {
      expect(review(request, input({ digest: request.digest }), SOON, 'g')).toMatchObject({
        refused: { code: 'forbidden' },
      })
    }
  })

  test('lets a requester break the glass, with a reason and a mark, where every rule says so', () => {
    const self = aHeldRule({ approvers: [], self: true, requireReason: true })
    const open = anAccessRequest({ rules: [self] })
    const by = aPerson('alice')
    expect(review(open, input({ digest: open.digest, by }), SOON, 'g')).toMatchObject({
      grant: { breakGlass: true, approvedBy: ['alice'] },
    })
    expect(review(open, input({ digest: open.digest, by, reason: '' }), SOON, 'g')).toMatchObject({
      refused: { code: 'invalid' },
    })
    const shut = anAccessRequest({ rules: [self, aHeldRule({}, 'prod/all')] })
    expect(review(shut, input({ digest: shut.digest, by }), SOON, 'g')).toMatchObject({
      refused: { code: 'forbidden' },
    })
  })
})

test.each([
  ['the root requester', aPerson('alice'), 'Cancelled'],
  ['a co-requester', aPerson('carol'), 'Cancelled'],
  ['an approver', oscar, undefined],
  ['an account of a pod', aPerson('system:serviceaccount:team:agent'), undefined],
])('cancel() by %s', (_title, by, phase) => {
  const chain = { ...pending.held.chain, coRequesters: [aPerson('carol')] }
  const request = anAccessRequest({ held: aHeldRequest({ chain }) })
  const made = cancel(request, by, 'not needed', SOON)
  expect('request' in made ? made.request?.phase : undefined).toBe(phase)
})

test('expire() ends a pending request at its time, and never what was answered', () => {
  expect(expire(pending, LATE - 1)).toBeUndefined()
  expect(expire(pending, LATE)).toMatchObject({ phase: 'Expired' })
  expect(expire({ ...pending, phase: 'Cancelled' }, LATE)).toBeUndefined()
})

test('use() lets a grant of one request through once, and keeps alive what it has opened', () => {
  const used = use(aGrant(), SOON)
  expect(used).toMatchObject({ uses: 1, phase: 'Used', lastUsedAtMs: SOON })
  expect(use(aGrant({ uses: 1, phase: 'Used' }), SOON)).toBeUndefined()
  expect(isAlive(aGrant({ uses: 1, phase: 'Used' }), SOON)).toBe(true)
  expect(use(aGrant({ usesMax: 0, uses: 7 }), SOON)).toMatchObject({ uses: 8, phase: 'Active' })
})

test.each([
  ['Active', HELD_AT_MS + 899_999, true, true],
  ['Active', HELD_AT_MS + 900_000, false, false],
  ['Used', HELD_AT_MS + 1, false, true],
  ['Used', HELD_AT_MS + 900_000, false, false],
  ['Revoked', HELD_AT_MS + 1, false, false],
  ['Expired', HELD_AT_MS + 1, false, false],
] as const)('a grant that is %s at %d', (phase, atMs, usable, alive) => {
  const grant = aGrant({ phase })
  expect([isUsable(grant, atMs), isAlive(grant, atMs)]).toEqual([usable, alive])
})

test('revoke() and expireGrant() end a grant once, by whoever comes first', () => {
  const used = aGrant({ phase: 'Used', uses: 1 })
  expect(revoke(used, 'olga', 'mistake', SOON)).toMatchObject({
    phase: 'Revoked',
    closing: { by: 'olga', reason: 'mistake' },
  })
  expect(revoke(aGrant({ phase: 'Revoked' }), 'olga', '', SOON)).toBeUndefined()
  expect(revoke(aGrant(), 'olga', '', LATE)).toBeUndefined()
  expect(expireGrant(used, SOON)).toBeUndefined()
  expect(expireGrant(used, LATE)).toMatchObject({ phase: 'Expired' })
  expect(expireGrant(aGrant({ phase: 'Revoked' }), LATE)).toBeUndefined()
})

test('widestScope() is what every rule lets be approved', () => {
  expect(widestScope([aHeldRule(), aHeldRule({ widestScope: 'command' })])).toBe('command')
  expect(widestScope([])).toBe('request')
})
