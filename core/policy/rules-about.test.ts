import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aRequest, aRule } from '../../test/support/policy-builders.ts'
import type { PolicyRule } from './access-policy.ts'
import { scopeReaches, showsObjects } from './match-rule.ts'
import { forOneRequest, rulesAbout } from './rules-about.ts'

const aRuleOf = fc
  .record({
    resources: fc.subarray(['pods', 'pods/log', 'secrets', '*/scale', '*'], { minLength: 1 }),
    verbs: fc.constant(['*']),
    namespaces: fc.constant(['*']),
    apiGroups: fc.constant(['*']),
  })
  .map((parts) => aRule(parts).rules[0])
  .filter((rule): rule is PolicyRule => rule !== undefined)
const aRequestOf = fc
  .record({
    resource: fc.constantFrom('pods', 'secrets', 'others', '*', '__proto__'),
    subresource: fc.constantFrom('', 'log', 'scale'),
  })
  .map(aRequest)

test('rulesAbout() leaves out no rule that is about a request, and keeps the order', () => {
  fc.assert(
    fc.property(fc.array(aRuleOf, { maxLength: 6 }), aRequestOf, (rules, request) => {
      const about = rulesAbout(rules, request)
      const needed = rules.filter(
        (rule) => scopeReaches(rule, request) || showsObjects(rule, request),
      )
      expect(about.filter((rule) => needed.includes(rule))).toEqual(needed)
      expect(rules.filter((rule) => about.includes(rule))).toEqual(about)
    }),
    { numRuns: 2_000 },
  )
})

test('rulesAbout() leaves out what is about other resources, but not of rules for one request', () => {
  const rules = [...aRule({ resources: ['pods'] }).rules, ...aRule({ resources: ['jobs'] }).rules]
  expect(rulesAbout(rules, aRequest({ resource: 'jobs' }))).toEqual([rules[1]])
  const chosen = forOneRequest([...rules])
  expect(rulesAbout(chosen, aRequest({ resource: 'jobs' }))).toEqual(rules)
})
