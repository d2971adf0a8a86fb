import { expect, test } from 'vitest'
import { defineMaskProfile, type MaskDefinition } from '../../core/masking/mask-profile.ts'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import type { AllowReply } from './authorizer.ts'
import { readMaskOrder } from './mask-order.ts'

const maskKey = new Uint8Array(32).fill(3)
const fields = defineMaskProfile('cards', {
  fields: [{ apiGroups: [''], resources: ['secrets'], path: '.spec.number' }],
})
const patterns = defineMaskProfile('staff', {
  patterns: [{ name: 'number', pattern: 'EMP-[0-9]{6}', examples: ['EMP-123456'] }],
})
const invalid = defineMaskProfile('empty', {})
const SECRETS = aRequest({ resource: 'secrets' })
const LOG = aRequest({ resource: 'pods', subresource: 'log' })

function aReply(
  mask: readonly string[],
  profiles: readonly MaskDefinition[] = [],
  parts: Partial<AllowReply> = {},
): AllowReply {
  return {
    ...{ effect: 'allow', id: 'd', maskKey, profiles, warning: '', impersonationJudged: false },
    obligations: { ...NO_OBLIGATIONS, mask },
    ...parts,
  }
}

test.each([
  ['a built-in mask', aReply(['secret-values']), SECRETS, [['secret-values'], [], false]],
  ['a mask of objects for a log', aReply(['secret-values']), LOG, undefined],
  ['credentials of a log', aReply(['credentials']), LOG, [['credentials'], [], true]],
  ['fields', aReply([fields.id], [fields]), SECRETS, [[], ['cards'], false]],
  ['fields for a log', aReply([fields.id], [fields]), LOG, undefined],
  ['patterns of a log', aReply([patterns.id], [patterns]), LOG, [[], ['staff'], true]],
  [
    'all together',
    aReply(['secret-values', fields.id, patterns.id], [fields, patterns]),
    SECRETS,
    [['secret-values'], ['cards', 'staff'], true],
  ],
])('readMaskOrder() reads %s', async (_name, reply, request, want) => {
  const order = await readMaskOrder(reply, request)
  const told =
    typeof order === 'object'
      ? [order.names, order.profiles.map(({ name }) => name), order.scanner !== undefined]
      : order
  expect(told).toEqual(want)
})

test.each([
  ['a mask of a later version', aReply(['faces'])],
  ['a MaskProfile that was not told', aReply([fields.id])],
  ['another definition of its name', aReply([fields.id], [defineMaskProfile('cards', {})])],
  [
    'a definition that is not what its id says',
    aReply([invalid.id], [{ ...patterns, id: invalid.id }]),
  ],
  ['a definition that is not valid', aReply([invalid.id], [invalid])],
  [
    'a definition that is no JSON',
    aReply(['x@0123456789abcdef'], [{ id: 'x@0123456789abcdef', definition: '{' }]),
  ],
  ['no key', aReply(['secret-values'], [], { maskKey: new Uint8Array() })],
])('readMaskOrder() does not know %s', async (_name, reply) => {
  expect(await readMaskOrder(reply, SECRETS)).toBe('unknown')
})

test('readMaskOrder() makes one scanner for the same patterns, and others for others', async () => {
  const scannerOf = async (reply: AllowReply) => {
    const order = await readMaskOrder(reply, LOG)
    return typeof order === 'object' ? order.scanner : undefined
  }
  const own = await scannerOf(aReply([patterns.id], [patterns]))
  expect(own?.scanText('password=hunter2 EMP-123456').findings).toMatchObject([
    { rule: patterns.id, start: 17 },
  ])
  expect(await scannerOf(aReply([patterns.id], [patterns]))).toBe(own)
  expect(await scannerOf(aReply(['credentials', patterns.id], [patterns]))).not.toBe(own)
})
