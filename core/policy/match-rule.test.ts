import { describe, expect, test } from 'vitest'
import { aRequest, aRule } from '../../test/support/policy-builders.ts'
import type { PolicyRule } from './access-policy.ts'
import { ruleAllows, ruleDenies } from './match-rule.ts'

function rule(parts: Partial<PolicyRule>): PolicyRule {
  const [only] = aRule(parts).rules
  if (only === undefined) throw new Error('the builder makes one rule')
  return only
}

const OPEN = { source: 'true', readsTime: false, holds: () => undefined }

describe('ruleAllows()', () => {
  test.each([
    ['the exact words', {}, {}, true],
    ['another verb', {}, { verb: 'list' }, false],
    ['another group', {}, { apiGroup: 'apps' }, false],
    ['every group', { apiGroups: ['*'] }, { apiGroup: 'apps' }, true],
    ['a subresource that is not named', { resources: ['pods'] }, { subresource: 'log' }, false],
    ['a subresource that is named', { resources: ['pods/log'] }, { subresource: 'log' }, true],
    ['every resource', { resources: ['*'] }, { subresource: 'log' }, true],
    [
      'one subresource of every resource',
      { resources: ['*/scale'] },
      { subresource: 'scale' },
      true,
    ],
    ['another namespace', {}, { namespace: 'team2' }, false],
    ['a name that only begins alike', {}, { namespace: 'tea' }, false],
    ['every namespace', { namespaces: ['*'] }, { namespace: 'vault' }, true],
    ['all namespaces together under one', {}, { namespace: '' }, false],
    ['all namespaces together under every', { namespaces: ['*'] }, { namespace: '' }, true],
    ['no namespace under none', { namespaces: [] }, { namespace: '' }, true],
    ['a namespace under none', { namespaces: [] }, {}, false],
    ['no verb at all', { verbs: [] }, {}, false],
    ['no resource at all', { resources: [] }, {}, false],
    ['another URL', { resources: ['*'], verbs: ['*'] }, { resourceRequest: false }, false],
    ['a name of the list', { resourceNames: ['x'] }, { name: 'x' }, true],
    ['another name', { resourceNames: ['x'] }, { name: 'xy' }, false],
    ['no name, as of a create, under names', { resourceNames: ['x'] }, {}, false],
    ['a name under an empty list', { resourceNames: [] }, { name: 'x' }, false],
    ['an open condition', { when: OPEN }, {}, false],
    ['a rule that denies', { effect: 'Deny' as const }, {}, false],
  ])('answers for %s', (_name, parts, request, want) => {
    const attributes = aRequest(request)
    expect(ruleAllows(rule(parts), attributes, attributes.verb)).toBe(want)
  })
})

describe('ruleDenies()', () => {
  test.each([
    ['the exact words', {}, {}, true],
    ['all namespaces together under one', {}, { namespace: '' }, true],
    ['another namespace', {}, { namespace: 'open' }, false],
    ['every resource together', {}, { resource: '*' }, true],
    ['every group together', {}, { apiGroup: '*' }, true],
    ['every resource of another group', {}, { apiGroup: 'apps', resource: '*' }, false],
    ['every resource under none', { resources: [] }, { resource: '*' }, false],
    ['every resource under a subresource', { resources: ['pods/log'] }, { resource: '*' }, true],
    [
      'every scale under one',
      { resources: ['deployments/scale'] },
      { resource: '*', subresource: 'scale' },
      true,
    ],
    [
      'every scale under another subresource',
      { resources: ['pods/log'] },
      { resource: '*', subresource: 'scale' },
      false,
    ],
    [
      'a verb that is judged besides',
      { verbs: ['create'] },
      { verb: 'patch', alsoVerbs: ['create'] },
      true,
    ],
    ['a name of the list', { resourceNames: ['x'] }, { name: 'x' }, true],
    ['another name', { resourceNames: ['x'] }, { name: 'y' }, false],
    ['what names no object, under names', { resourceNames: ['x'] }, {}, true],
    ['an open condition', { when: OPEN }, {}, true],
    ['a rule that allows', { effect: 'Allow' as const }, {}, false],
  ])('answers for %s', (_name, parts, request, want) => {
    expect(ruleDenies(rule({ effect: 'Deny', ...parts }), aRequest(request))).toBe(want)
  })
})
