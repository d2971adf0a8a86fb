import { expect, test } from 'vitest'
import { aRule } from '../../test/support/policy-builders.ts'
import type { PolicyRule } from './access-policy.ts'
import { lintRules } from './lint-rules.ts'
import { NO_OBLIGATIONS } from './obligations.ts'

const OPEN = { source: 'true', readsTime: false, holds: () => undefined }

function warnings(...rules: readonly Partial<PolicyRule>[]): readonly string[] {
  const all = rules.flatMap((one, index) => aRule({ name: `r${index}`, ...one }).rules)
  return lintRules(all).map(({ path, message }) => `${path}: ${message}`)
}

test.each([
  ['an ordinary rule', [{ resources: ['pods'] }]],
  [
    'two rules of two namespaces',
    [{ resources: ['pods'] }, { resources: ['pods'], namespaces: ['open'] }],
  ],
  [
    'a Deny for a part',
    [
      { resources: ['pods'], verbs: ['get', 'list'] },
      { effect: 'Deny' as const, resources: ['pods'], verbs: ['list'] },
    ],
  ],
  [
    'the same under a condition',
    [{ resources: ['pods'] }, { resources: ['pods'], namespaces: ['team', 'open'], when: OPEN }],
  ],
  [
    'the same with a mask',
    [
      { resources: ['secrets'] },
      { resources: ['secrets'], obligations: { ...NO_OBLIGATIONS, mask: ['secret-values'] } },
    ],
  ],
  ['a shell with both verbs', [{ resources: ['pods/exec'], verbs: ['get', 'create'] }]],
  [
    'a shell whose get is in another rule',
    [
      { resources: ['pods/exec'], verbs: ['create'] },
      { resources: ['pods/exec'], verbs: ['get'] },
    ],
  ],
  [
    'a create of a subresource of a name',
    [{ resources: ['pods/eviction'], verbs: ['create'], resourceNames: ['x'] }],
  ],
])('lintRules() has nothing to say about %s', (_name, rules) => {
  expect(warnings(...rules)).toEqual([])
})

test.each([
  ['a verb that there is not', [{ verbs: ['reads'] }], /verbs: no request has the verb "reads"/],
  [
    'a create by name',
    [{ resources: ['pods'], verbs: ['create'], resourceNames: ['x'] }],
    /never allows it/,
  ],
  [
    'a Deny by name',
    [{ effect: 'Deny' as const, resources: ['pods'], verbs: ['*'], resourceNames: ['x'] }],
    /denies every create/,
  ],
  ['a shell without get', [{ resources: ['pods/exec'], verbs: ['create'] }], /add get/],
  [
    'a rule twice',
    [{ resources: ['pods'] }, { resources: ['pods'] }],
    /rules\[1\]: the rule adds nothing: rule "r0" allows/,
  ],
  [
    'a rule that a Deny covers',
    [{ resources: ['pods'] }, { effect: 'Deny' as const, resources: ['*'] }],
    /rules\[0\]: the rule never allows anything: rule "r1"/,
  ],
  [
    'a Deny twice',
    [{ effect: 'Deny' as const }, { effect: 'Deny' as const }],
    /rules\[1\]: the rule adds nothing: rule "r0" denies/,
  ],
  [
    'a rule that two others cover together',
    [
      { resources: ['pods'], verbs: ['get', 'list'] },
      { resources: ['pods'], verbs: ['get'], namespaces: ['team', 'open'] },
      { resources: ['pods'], verbs: ['list'], namespaces: ['team', 'open'] },
    ],
    /rules\[0\]: the rule adds nothing: "r1" and "r2" together/,
  ],
])('lintRules() warns of %s', (_name, rules, warning) => {
  expect(warnings(...rules)).toEqual([expect.stringMatching(warning)])
})
