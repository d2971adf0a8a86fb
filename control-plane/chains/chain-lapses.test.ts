import { beforeEach, expect, test } from 'vitest'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import type { ChainRevocation } from '../../core/policy/chain-revocation.ts'
import {
  AGENT,
  aChain,
  anEnrolledBinding,
  aUser,
  BUILD,
  NOON_MS,
} from '../../test/support/record-builders.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import { createChainLapses, type KnownAccount } from './chain-lapses.ts'

const DAY_MS = 24 * 3_600_000
const bot = { ...serviceAccountUser('team', 'bot'), uid: 'bot-1' }

let accounts: Map<string, KnownAccount>
let revocations: ChainRevocation[]
let nowMs: number

beforeEach(() => {
  const there = { uid: 'agent-1', createdAtMs: 0 }
  accounts = new Map([
    ['team/agent', there],
    ['team/bot', { uid: 'bot-1', createdAtMs: 0 }],
  ])
  revocations = []
  nowMs = NOON_MS
})

function lapses(ageMsMax = 100 * DAY_MS) {
  return createChainLapses({
    ageMsMax,
    account: (namespace, name) => accounts.get(`${namespace}/${name}`),
    podEndedAtMs: ({ endedAtMs }) => endedAtMs,
    revocationsOf: (username) => revocations.filter((one) => one.username === username),
    now: () => nowMs,
  })
}

const reasonOf = (binding: PodBinding) => lapses().lapseOf(binding)?.reason

function aRevocation(parts: Partial<ChainRevocation>): ChainRevocation {
  const by = { name: 'r', revokedBy: 'admin', reason: 'left' }
  return {
    ...{ ...by, username: 'alice', requester: 'Any', sinceMs: 0, revokedAtMs: NOON_MS },
    ...parts,
  }
}

test.each([
  [100 * DAY_MS - 1, undefined],
  [100 * DAY_MS, 'chain_expired'],
])('lapseOf() %i ms after the root requester was seen', (later, reason) => {
  nowMs = NOON_MS + later
  expect(reasonOf(anEnrolledBinding([AGENT], 1, { beganAtMs: 0 }))).toBe(reason)
})

test('lapseOf() ends the chain of a pod that has ended before all else, and says when', () => {
  nowMs = NOON_MS + 100 * DAY_MS
  const lapse = lapses().lapseOf(anEnrolledBinding([AGENT], 1, { endedAtMs: NOON_MS }))
  expect(lapse).toMatchObject({ reason: 'pod_ended', refusedBy: { user: { username: 'alice' } } })
  expect(lapse?.why).toContain('the pod ended at 2026-11-23T10:00:00.000Z')
})

test('lapseOf() never ends a chain for its age where there is no maximum', () => {
  nowMs = Number.MAX_SAFE_INTEGER
  const binding = anEnrolledBinding([AGENT], 1)
  expect(lapses(0).lapseOf(binding)).toBeUndefined()
  expect(lapses(0).warningOf(binding)).toBe('')
})

test.each([
  [93 * DAY_MS - 1, ''],
  [93 * DAY_MS, 'ends at 2027-03-03T10:00:00.000Z, unless "alice" restarts'],
])('warningOf() %i ms after the root requester was seen', (later, warning) => {
  nowMs = NOON_MS + later
  expect(lapses().warningOf(anEnrolledBinding([AGENT], 1))).toContain(warning)
  expect(lapses().warningOf(anEnrolledBinding([AGENT], 1)) === '').toBe(warning === '')
})

test.each<[string, UserInfo, readonly UserInfo[], string | undefined]>([
  ['is there', bot, [], undefined],
  ['was made again', { ...bot, uid: 'bot-0' }, [], 'requester_gone'],
  ['was deleted', serviceAccountUser('team', 'gone'), [], 'requester_gone'],
  ['of another namespace has the name', serviceAccountUser('other', 'bot'), [], 'requester_gone'],
  ['is there, and its UID is not known', { ...bot, uid: '' }, [], undefined],
  ['of a co-requester was deleted', bot, [serviceAccountUser('team', 'gone')], 'requester_gone'],
  ['is none: a person', aUser('alice'), [], undefined],
])('lapseOf() when the service account %s', (_name, root, coRequesters, reason) => {
  const chain = { ...aChain([AGENT], root), coRequesters }
  expect(reasonOf(anEnrolledBinding([AGENT], 1, { chain }))).toBe(reason)
})

test.each([
  ['is there', { uid: 'agent-1', createdAtMs: 0 }, undefined],
  ['was made after the pod that it launched', { uid: 'x', createdAtMs: NOON_MS + DAY_MS }, 'gone'],
  ['was deleted', undefined, 'gone'],
])('lapseOf() when the service account of an ancestor %s', (_name, account, gone) => {
  accounts.delete('team/agent')
  for (const known of [account ?? []].flat()) accounts.set('team/agent', known)
  const reason = reasonOf(anEnrolledBinding([AGENT, BUILD], 1))
  expect(reason).toBe(gone === undefined ? undefined : 'requester_gone')
})

const HOUR_MS = 3_600_000
test.each<[string, Partial<ChainRevocation>, Partial<PodBinding>, string | undefined]>([
  ['in the moment of the revocation', {}, {}, 'chain_revoked'],
  ['before it', { revokedAtMs: NOON_MS + HOUR_MS }, {}, 'chain_revoked'],
  ['after it', { revokedAtMs: NOON_MS - 1 }, {}, undefined],
  [
    'before it, and was renewed since',
    {},
    { beganAtMs: 0, renewedAtMs: NOON_MS + HOUR_MS },
    undefined,
  ],
  ['before what it ends', { sinceMs: NOON_MS + 1 }, {}, undefined],
  ['with what it ends', { sinceMs: NOON_MS }, {}, 'chain_revoked'],
  ['for somebody else', { username: 'mallory' }, {}, undefined],
])('lapseOf() of a chain whose root began %s', (_name, revocation, parts, reason) => {
  revocations = [aRevocation(revocation)]
  expect(reasonOf(anEnrolledBinding([AGENT], 1, parts))).toBe(reason)
})

test.each<[string, Partial<ChainRevocation>, Partial<PodBinding>, string | undefined]>([
  ['any requester', {}, {}, 'chain_revoked'],
  ['root requesters', { requester: 'Root' }, {}, undefined],
  [
    'any requester, though the root was seen since',
    {},
    { renewedAtMs: NOON_MS + HOUR_MS },
    'chain_revoked',
  ],
  ['any requester, before the chain began', { revokedAtMs: NOON_MS - 1 }, {}, undefined],
])('lapseOf() by a revocation of a co-requester, for %s', (_name, revocation, parts, reason) => {
  revocations = [aRevocation({ username: 'bob', ...revocation })]
  const chain = { ...aChain([AGENT]), coRequesters: [aUser('bob')] }
  expect(reasonOf(anEnrolledBinding([AGENT], 1, { chain, ...parts }))).toBe(reason)
})

test('lapseOf() by a revocation says by whom, why and what to do', () => {
  revocations = [aRevocation({ name: 'left-1' })]
  expect(lapses().lapseOf(anEnrolledBinding([AGENT], 1))).toMatchObject({
    rule: 'left-1',
    refusedBy: { role: 'root requester', user: aUser('alice') },
    why: expect.stringMatching(
      /"admin" ended it .*left-1: "left".* deletes .* and creates it again/,
    ),
  })
})

test('lapseOf() by a revocation leaves ancestors alone: they chose nothing', () => {
  revocations = [aRevocation({ username: 'system:serviceaccount:team:agent' })]
  expect(reasonOf(anEnrolledBinding([AGENT, BUILD], 1))).toBeUndefined()
})
