import { setImmediate as settle } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { aUser } from '../../test/support/record-builders.ts'
import { checkPodTokenClaims, gateTokens } from './token-gate.ts'

const NOW_MS = 1_700_000_000_000
const refusal = () => Promise.reject(new Fault('identity_unverified', 'forged'))

function aGate(
  review: (token: string) => ReturnType<typeof refusal> | Promise<ReturnType<typeof aUser>>,
) {
  const asked: string[] = []
  const clock = { nowMs: NOW_MS }
  const gate = gateTokens(
    (token) => {
      asked.push(token)
      return review(token)
    },
    () => clock.nowMs,
  )
  return { gate, asked, clock }
}

test('gateTokens() remembers a refusal for a while, and a yes not at all', async () => {
  const { gate, asked, clock } = aGate((token) =>
    token === 'good' ? Promise.resolve(aUser('alice')) : refusal(),
  )
  const code = { code: 'identity_unverified' }
  for (const _again of [1, 2, 3]) await expect(gate('bad', 'a')).rejects.toMatchObject(code)
  await gate('good', 'a')
  await gate('good', 'a')
  expect(asked).toEqual(['bad', 'good', 'good'])
  clock.nowMs += 10_000
  await expect(gate('bad', 'a')).rejects.toMatchObject(code)
  expect(asked).toHaveLength(4)
})

test('gateTokens() asks again when nobody answered', async () => {
  const { gate, asked } = aGate(() => Promise.reject(new Fault('upstream_unavailable', 'away')))
  for (const _again of [1, 2]) {
    await expect(gate('t', 'a')).rejects.toMatchObject({ code: 'upstream_unavailable' })
  }
  expect(asked).toHaveLength(2)
})

test('gateTokens() lets an address with a hundred tokens wait behind itself alone', async () => {
  const held = Promise.withResolvers<ReturnType<typeof aUser>>()
  const { gate, asked } = aGate(() => held.promise)
  const flood = Array.from({ length: 100 }, (_, number) => gate(`forged-${number}`, 'attacker'))
  const settled = Promise.allSettled(flood)
  const other = gate('good', 'tenant')
  await settle()
  expect(asked).toContain('good')
  expect(asked).toHaveLength(5)
  held.resolve(aUser('alice'))
  await other
  const refused = (await settled).filter(({ status }) => status === 'rejected')
  expect(refused).toHaveLength(64)
  expect(refused[0]).toMatchObject({ reason: { code: 'overloaded' } })
})

test.each([
  ['a yes', () => Promise.resolve(aUser('alice')), 'fulfilled'],
  ['a refusal', refusal, 'rejected'],
])(
  'gateTokens() has a token that many show at the same time reviewed once: %s',
  async (_name, say, want) => {
    const { gate, asked } = aGate(say)
    const burst = await Promise.allSettled(
      Array.from({ length: 500 }, () => gate('own', 'injector')),
    )
    expect(new Set(burst.map(({ status }) => status))).toEqual(new Set([want]))
    expect(asked).toEqual(['own'])
  },
)

test('gateTokens() asks again for a token whose review found no place', async () => {
  const held = Promise.withResolvers<ReturnType<typeof aUser>>()
  const { gate } = aGate(() => held.promise)
  const flood = Promise.allSettled(Array.from({ length: 40 }, (_, n) => gate(`${n}`, 'a')))
  await expect(gate('late', 'a')).rejects.toMatchObject({ code: 'overloaded' })
  held.resolve(aUser('alice'))
  await flood
  expect(await gate('late', 'a')).toEqual(aUser('alice'))
})

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const CLAIMS = {
  aud: ['lanyard-control-plane'],
  exp: NOW_MS / 1_000 + 600,
  'kubernetes.io': { namespace: 'team', pod: { name: 'agent', uid: 'u' } },
}
const aToken = (claims: unknown) => `${encode({ alg: 'RS256' })}.${encode(claims)}.c2ln`

test.each([
  ['the token of a pod', aToken(CLAIMS)],
  ['one audience as a text', aToken({ ...CLAIMS, aud: 'lanyard-control-plane' })],
])('checkPodTokenClaims() has %s reviewed', async (_name, token) => {
  const review = checkPodTokenClaims(
    async () => aUser('alice'),
    () => NOW_MS,
  )
  expect(await review(token, 'a')).toEqual(aUser('alice'))
})

test.each([
  ['nothing', ''],
  ['a word', 'x'],
  ['two parts', `${encode({})}.${encode(CLAIMS)}`],
  ['four parts', `${aToken(CLAIMS)}.x`],
  ['what is no JSON', 'e30.x.e30'],
  ['null', aToken(null)],
  ['another audience', aToken({ ...CLAIMS, aud: ['https://kubernetes.default.svc'] })],
  ['no audience', aToken({ ...CLAIMS, aud: undefined })],
  ['a token that is over', aToken({ ...CLAIMS, exp: NOW_MS / 1_000 - 61 })],
  ['a token without an end', aToken({ ...CLAIMS, exp: undefined })],
  ['a token of no pod', aToken({ ...CLAIMS, 'kubernetes.io': { namespace: 'team' } })],
])('checkPodTokenClaims() asks nobody about %s', async (_name, token) => {
  const review = checkPodTokenClaims(
    () => Promise.reject(new Error('asked')),
    () => NOW_MS,
  )
  await expect(review(token, 'a')).rejects.toMatchObject({ code: 'identity_unverified' })
})
