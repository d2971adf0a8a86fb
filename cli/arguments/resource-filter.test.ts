import { describe, expect, test } from 'vitest'
import type { AuditEventSpec } from '../../api/objects/access-objects.ts'
import { resourceText } from '../../api/texts/request-text.ts'
import { parseResourceFilter, remainingMatch } from './resource-filter.ts'

describe('parseResourceFilter()', () => {
  test.each([
    ['secrets', { resource: 'secrets' }],
    ['deployments.apps', { resource: 'deployments', apiGroup: 'apps' }],
    ['pods/exec', { resource: 'pods', subresource: 'exec' }],
    [
      'accesspolicies.lanyard.dev/status',
      { resource: 'accesspolicies', apiGroup: 'lanyard.dev', subresource: 'status' },
    ],
    ['pods.', { resource: 'pods', apiGroup: '' }],
    ['<none>', { resource: '' }],
  ])('reads %s', (text, want) => {
    expect(parseResourceFilter(text)).toEqual(want)
  })

  test.each(['', '/exec', '.apps', 'pods/'])('refuses %j', (text) => {
    expect(() => parseResourceFilter(text)).toThrow('want a resource as it is listed')
  })
})

test.each([
  ['', 'secrets', ''],
  ['apps', 'deployments', 'scale'],
  ['', 'pods', 'exec'],
  ['', '', ''],
])('remainingMatch() of what is listed matches it: %j %j %j', (apiGroup, resource, subresource) => {
  const spec = { apiGroup, resource, subresource } as AuditEventSpec
  const filter = parseResourceFilter(resourceText(spec))
  expect(filter.resource).toBe(resource)
  expect(remainingMatch(filter)?.(spec) ?? true).toBe(true)
})

test('remainingMatch() refuses another group and another subresource', () => {
  const spec = { apiGroup: 'apps', resource: 'x', subresource: 'scale' } as AuditEventSpec
  expect(remainingMatch({ apiGroup: 'batch' })?.(spec)).toBe(false)
  expect(remainingMatch({ subresource: 'status' })?.(spec)).toBe(false)
  expect(remainingMatch({})).toBeUndefined()
})
