import { expect, test } from 'vitest'
import type { MaskProfile } from '../../core/masking/mask-profile.ts'
import { parseMaskProfile } from '../../core/masking/parse-mask-profile.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { maskedSelector } from './masked-selector.ts'

const GROUP = 'pay.example.com'
const CARDS = { apiGroups: [GROUP], resources: ['cards'] }

function profiles(...paths: readonly string[]): readonly MaskProfile[] {
  const spec = { fields: paths.map((path) => ({ ...CARDS, path })) }
  const parsed = parseMaskProfile({ metadata: { name: 'cards' }, spec })
  return parsed.ok ? [parsed.profile] : []
}

function told(paths: readonly string[], query: readonly (readonly [string, string])[], parts = {}) {
  const attributes = aRequest({ apiGroup: GROUP, resource: 'cards', verb: 'list', ...parts })
  return maskedSelector({ profiles: profiles(...paths) }, { attributes, query })
}

test.each([
  ['.spec.number', 'spec.number=4'],
  ['.spec.number', 'metadata.name=a,spec.number!=4'],
  ['.spec.number', 'spec.number==4'],
  ['.spec', 'spec.number=4'],
  ['.spec.cards[*].number', 'spec.cards.0.number=4'],
  ['..number', 'spec.number=4'],
  ['.spec.number', "spec['number']=4"],
])('maskedSelector() with %s refuses the field selector %s', (path, selector) => {
  expect(told([path], [['fieldSelector', selector]])).toMatch(/a field selector for .* would tell/)
})

test.each([
  ['.spec.number', 'metadata.name=a', {}],
  ['.spec.number', 'status.phase!=Paid,metadata.namespace=b', {}],
  ['.spec.number', '', {}],
  ['..number', 'metadata.name=a', {}],
  ['.spec.number', 'spec.number=4', { resource: 'carts' }],
])('maskedSelector() with %s passes the field selector %s', (path, selector, parts) => {
  expect(told([path], [['fieldSelector', selector]], parts)).toBeUndefined()
})

test.each([
  ['owner=a', true],
  ['other=b,owner in (a,b)', true],
  ['!owner', true],
  ['owner', true],
  ['other in (owner,x)', false],
  ['', false],
])(
  'maskedSelector() where the label owner is hidden judges the label selector %j: %j',
  (selector, want) => {
    const refused = told(["metadata.labels['owner']"], [['labelSelector', selector]])
    expect(refused !== undefined).toBe(want)
    expect(told(['.spec.number', '..pin'], [['labelSelector', selector]])).toBeUndefined()
  },
)

test('maskedSelector() looks at each of several selectors, where anything is hidden', () => {
  const two: readonly (readonly [string, string])[] = [
    ['fieldSelector', 'metadata.name=a'],
    ['fieldSelector', 'spec.number=4'],
  ]
  expect(told(['.spec.number'], two)).toMatch(/would tell/)
  expect(told([], two)).toBeUndefined()
})
