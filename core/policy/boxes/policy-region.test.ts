import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aRequest, somePrincipalFacts } from '../../../test/support/policy-builders.ts'
import type { RequestAttributes } from '../../kubernetes/request-attributes.ts'
import type { AccessPolicy, PolicyRule } from '../access-policy.ts'
import { settleConditions } from '../conditions/settle-conditions.ts'
import { evaluatePrincipal } from '../evaluate.ts'
import { NO_OBLIGATIONS } from '../obligations.ts'
import type { Point } from './box.ts'
import { policyRegion } from './policy-region.ts'
import { boxOutside, regionHas } from './region.ts'

/* The algebra is right when it says of each request what `evaluatePrincipal` says. */

/** The conditions say what they are told to, and read nothing. */
const NOTHING = { request: {}, chain: {}, target: {}, nowMs: 0 }
const SAYS: Readonly<Record<string, boolean | undefined>> = {
  ...{ true: true, false: false, error: undefined },
}
const someOf = (...texts: readonly string[]) => fc.subarray([...texts], { minLength: 1 })
const aScope = fc.record(
  {
    apiGroups: fc.oneof(someOf('', 'apps'), fc.constant(['*'])),
    resources: someOf('pods', 'pods/log', '*/scale', 'secrets', '*'),
    verbs: fc.oneof(someOf('get', 'list', 'create'), fc.constant(['*'])),
    namespaces: fc.oneof(fc.constant([]), someOf('team', 'open'), fc.constant(['*'])),
    resourceNames: someOf('x', 'y'),
  },
  { requiredKeys: ['apiGroups', 'resources', 'verbs', 'namespaces'] },
)
const aRuleOf = fc
  .record(
    {
      scope: aScope,
      effect: fc.constantFrom('Allow' as const, 'Deny' as const),
      asks: fc.constantFrom('a', 'b'),
      masks: fc.boolean(),
    },
    { requiredKeys: ['scope', 'effect'] },
  )
  .map(
    ({ scope, effect, asks, masks }): PolicyRule => ({
      ...{ name: 'r', effect, lifts: [], ...scope },
      obligations:
        masks === true && effect === 'Allow'
          ? { ...NO_OBLIGATIONS, mask: ['secret-values'] }
          : NO_OBLIGATIONS,
      ...(asks === undefined
        ? {}
        : { when: { source: asks, readsTime: false, holds: () => undefined } }),
    }),
  )
const aPolicy = fc
  .array(aRuleOf, { minLength: 1, maxLength: 5 })
  .map((rules): AccessPolicy => ({ name: 'p', subjects: [], rules }))
const aRequestOf = fc
  .record({
    apiGroup: fc.constantFrom('', 'apps', 'x.dev'),
    resource: fc.constantFrom('pods', 'secrets', 'deployments'),
    subresource: fc.constantFrom('', 'log', 'scale'),
    verb: fc.constantFrom('get', 'list', 'create', 'delete'),
    namespace: fc.constantFrom('', 'team', 'open', 'vault'),
    name: fc.constantFrom('', 'x', 'y', 'z'),
  })
  .map((parts) => aRequest(parts))
const answers = fc.record({
  a: fc.constantFrom('true', 'false', 'error'),
  b: fc.constantFrom('true', 'false', 'error'),
})

function decide(
  policies: readonly AccessPolicy[],
  request: RequestAttributes,
  said: Record<string, string>,
) {
  const asked = policies.map((policy) => ({
    ...policy,
    rules: policy.rules.map((rule) =>
      rule.when === undefined
        ? rule
        : {
            ...rule,
            when: { ...rule.when, holds: () => SAYS[said[rule.when?.source ?? ''] ?? ''] },
          },
    ),
  }))
  const { settled } = settleConditions(asked, request, () => NOTHING)
  // Guards have no say about a principal by itself.
  const facts = somePrincipalFacts({ name: 'alice', role: 'root requester' })
  return evaluatePrincipal(request, { ...facts, policies: settled }, { defaultDecision: 'Deny' })
}

function pointAt(request: RequestAttributes, said: Record<string, string>, mask: string): Point {
  const { apiGroup, resource, subresource, verb, namespace, name } = request
  const conditions = Object.entries(said).map(([source, value]) => [`when ${source}`, value])
  return new Map(
    Object.entries({
      ...{ kind: 'resource', guard: 'none', 'mask secret-values': mask },
      ...{ apiGroup, resource, subresource, verb, namespace, name },
      ...Object.fromEntries(conditions),
    }),
  )
}

test('policyRegion() has the requests that evaluatePrincipal() allows, under each answer of the conditions', () => {
  fc.assert(
    fc.property(aPolicy, aRequestOf, answers, (policy, request, said) => {
      const decision = decide([policy], request, said)
      const region = policyRegion([policy])
      expect(regionHas(region, pointAt(request, said, 'done'))).toBe(decision.effect === 'allow')
      const masked = decision.effect === 'allow' && decision.obligations.mask.length > 0
      // An answer without such values is not masked, though the rule says so.
      const unmasked = regionHas(region, pointAt(request, said, 'undone'))
      expect(masked && unmasked).toBe(false)
      expect(unmasked && decision.effect !== 'allow').toBe(false)
    }),
    { numRuns: 4_000 },
  )
})

test('policyRegion() is within itself, and a rule more that allows or less that denies widens it', () => {
  fc.assert(
    fc.property(aPolicy, aPolicy, (one, other) => {
      const region = policyRegion([one])
      expect(boxOutside(region, policyRegion([one]))).toBeUndefined()
      const allows = { ...other, rules: other.rules.filter(({ effect }) => effect === 'Allow') }
      const free = allows.rules.filter(({ obligations }) => obligations.mask.length === 0)
      const wider = policyRegion([one, { ...allows, rules: free }])
      expect(boxOutside(region, wider)).toBeUndefined()
      const denies = { ...other, rules: other.rules.filter(({ effect }) => effect === 'Deny') }
      expect(boxOutside(policyRegion([one, denies]), region)).toBeUndefined()
    }),
    { numRuns: 300 },
  )
})
