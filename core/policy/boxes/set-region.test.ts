import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aRequest } from '../../../test/support/policy-builders.ts'
import { AGENT } from '../../../test/support/record-builders.ts'
import type { AccessLimit } from '../access-limit.ts'
import type { AccessPolicy, PolicyRule, Subject } from '../access-policy.ts'
import { NO_OBLIGATIONS } from '../obligations.ts'
import { NOTHING_IN_THE_WAY, simulateEach } from '../simulate.ts'
import { regionHas } from './region.ts'
import { setRegion, subjectDimension } from './set-region.ts'

/* What the region says of everybody together is what is decided for each person. */

const ALICE: Subject = { kind: 'User', name: 'alice', namespace: '' }
const OPS: Subject = { kind: 'Group', name: 'ops', namespace: '' }
const someOf = (...texts: readonly string[]) => fc.subarray([...texts], { minLength: 1 })
const aRuleOf = fc.record({
  ...{ name: fc.constant('r'), lifts: fc.constant([]), obligations: fc.constant(NO_OBLIGATIONS) },
  effect: fc.constantFrom<PolicyRule['effect']>('Allow', 'Deny'),
  apiGroups: fc.constant(['*']),
  resources: someOf('pods', 'secrets', '*'),
  verbs: someOf('get', 'list', '*'),
  namespaces: fc.oneof(fc.constant([]), someOf('team', 'open'), fc.constant(['*'])),
})
const rulesOf = fc.array(aRuleOf, { minLength: 1, maxLength: 3 })
const aPolicy: fc.Arbitrary<AccessPolicy> = fc.record({
  name: fc.constant('p'),
  subjects: fc.subarray([ALICE, OPS], { minLength: 1 }),
  rules: rulesOf,
})
const aCeiling: fc.Arbitrary<AccessLimit> = fc.record(
  {
    ...{ kind: fc.constant('AccessCeiling' as const), name: fc.constant('c') },
    namespace: fc.constant(''),
    subjects: fc.subarray([ALICE, OPS], { minLength: 1 }),
    rules: rulesOf,
  },
  { requiredKeys: ['kind', 'name', 'namespace', 'rules'] },
)
const aNarrowing: fc.Arbitrary<AccessLimit> = fc.record({
  ...{ kind: fc.constant('NarrowingPolicy' as const), name: fc.constant('n') },
  namespace: fc.constant('team'),
  rules: rulesOf.map((rules) =>
    rules.map((rule) => ({ ...rule, effect: 'Deny' as const, namespaces: ['team'] })),
  ),
})
const aRequestOf = fc
  .record({
    apiGroup: fc.constantFrom('', 'apps'),
    resource: fc.constantFrom('pods', 'secrets', 'others'),
    verb: fc.constantFrom('get', 'list', 'create'),
    namespace: fc.constantFrom('', 'team', 'open'),
  })
  .map(aRequest)

test('setRegion() has what would be decided for whoever is named by any of the subjects', () => {
  fc.assert(
    fc.property(
      fc.array(aPolicy, { maxLength: 3 }),
      fc.array(fc.oneof(aCeiling, aNarrowing), { maxLength: 2 }),
      aRequestOf,
      fc.record({ isAlice: fc.boolean(), isOps: fc.boolean(), rbac: fc.boolean() }),
      (policies, limits, attributes, { isAlice, isOps, rbac }) => {
        const root = {
          username: isAlice ? 'alice' : 'bob',
          ...{ uid: '', groups: isOps ? ['ops'] : [], extra: {} },
        }
        const set = {
          policies: policies.map((policy) => ({ ok: true as const, policy })),
          limits: limits.map((limit) => ({ ok: true as const, limit })),
        }
        const [only] = simulateEach(set, {
          attributes,
          chain: { rootRequester: root, coRequesters: [], actors: [AGENT] },
          ...{ nowMs: 0, beganAtMs: 0, renewedAtMs: 0, namespaceLabels: undefined },
          guard: NOTHING_IN_THE_WAY,
          defaultDecision: 'SubjectAccessReview',
          accessOf: () => (rbac ? 'allowed' : 'denied'),
        })
        const { apiGroup, resource, verb, namespace, name } = attributes
        const point = new Map(
          Object.entries({
            ...{ kind: 'resource', guard: 'none', rbac: rbac ? 'allows' : 'denies' },
            ...{ apiGroup, resource, subresource: '', verb, namespace, name },
            [subjectDimension(ALICE)]: isAlice ? 'yes' : 'no',
            [subjectDimension(OPS)]: isOps ? 'yes' : 'no',
          }),
        )
        expect(regionHas(setRegion(policies, limits), point)).toBe(
          only?.decision.effect === 'allow',
        )
      },
    ),
    { numRuns: 1_000 },
  )
})
