import { expect, test } from 'vitest'
import { aRequest, aRule } from '../../../test/support/policy-builders.ts'
import type { PolicyRule } from '../access-policy.ts'
import { readsTime, settleConditions, settleLimits } from './settle-conditions.ts'

const INPUT = { request: {}, chain: {}, target: {}, nowMs: 0 }

function when(answer: boolean | undefined): NonNullable<PolicyRule['when']> {
  return { source: String(answer), readsTime: answer === undefined, holds: () => answer }
}

function settled(parts: Partial<PolicyRule>, request = aRequest({})) {
  const policy = aRule(parts)
  const found = settleConditions([policy], request, () => INPUT)
  return { ...found, rules: found.settled.flatMap(({ rules }) => rules) }
}

test.each([
  ['holds', true, 1, false],
  ['does not hold', false, 0, false],
  ['cannot be told', undefined, 1, true],
])('settleConditions() of a condition that %s', (_name, answer, rules, isOpen) => {
  const found = settled({ when: when(answer) })
  expect(found.rules).toHaveLength(rules)
  expect(found.rules.some((rule) => rule.when !== undefined)).toBe(isOpen)
  expect(found.conditional).toBe(true)
})

test('settleConditions() asks nothing of a rule that is not about the request', () => {
  const asked = { ...when(true), holds: () => expect.unreachable() }
  const elsewhere = settled({ when: asked }, aRequest({ namespace: 'open' }))
  expect(elsewhere).toMatchObject({ conditional: false, rules: [{ when: { source: 'true' } }] })
  const nodes = aRequest({ resource: 'nodes', namespace: '' })
  expect(settled({ when: asked }, nodes)).toMatchObject({ conditional: false, rules: [] })
  const commands = { deny: [], readScript: () => [] }
  expect(settled({ when: asked, commands }, nodes).rules).toHaveLength(1)
})

test('settleConditions() asks a rule that masks what the answer shows, whatever the verb', () => {
  const patch = aRequest({ verb: 'patch' })
  expect(settled({ when: when(false), verbs: ['get'] }, patch).rules).toEqual([])
})

test('settleConditions() keeps policies without conditions as they are', () => {
  const policies = [aRule({})]
  expect(settleConditions(policies, aRequest({}), () => INPUT).settled).toBe(policies)
})

test('settleConditions() keeps a policy whose rules all fell away: it still names its subjects', () => {
  const { settled: left } = settleConditions(
    [aRule({ when: when(false) })],
    aRequest({}),
    () => INPUT,
  )
  expect(left).toMatchObject([{ name: 'policy', rules: [] }])
})

test('settleLimits() leaves a broken limit as it is', () => {
  const where = { kind: 'AccessCeiling', name: 'base', namespace: '' } as const
  const broken = { ok: false, invalid: { ...where, problems: ['x'] } } as const
  const limit = {
    ok: true,
    limit: { ...where, rules: aRule({ when: when(false) }).rules },
  } as const
  const found = settleLimits([broken, limit], aRequest({}), () => INPUT)
  expect(found).toMatchObject({ conditional: true, settled: [broken, { limit: { rules: [] } }] })
})

test('readsTime() is true of a policy with a condition on the time', () => {
  expect(readsTime(aRule({ when: when(undefined) }))).toBe(true)
  expect(readsTime(aRule({ when: when(true) }))).toBe(false)
})
