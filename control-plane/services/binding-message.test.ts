import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { describe, expect, test } from 'vitest'
import { withVisit } from '../../core/chain-visits.ts'
import { AGENT, anEnrolledBinding, NOON_MS } from '../../test/support/record-builders.ts'
import { bindingToMessage } from './binding-message.ts'

const binding = anEnrolledBinding([AGENT], 1)

describe('bindingToMessage()', () => {
  test.each([
    [Number.POSITIVE_INFINITY, undefined],
    [NOON_MS, timestampFromMs(NOON_MS)],
  ])('of a chain that ends at %d', (endsAtMs, endsAt) => {
    const message = bindingToMessage(binding, { endsAtMs: () => endsAtMs })
    expect(message.endsAt).toEqual(endsAt)
    expect(message).toMatchObject({ visitors: [], visitsOmitted: 0n, touches: [] })
    expect(message.renewedAt).toEqual(timestampFromMs(binding.renewedAtMs))
  })

  test('tells of visitors and touches', () => {
    const visit = { username: 'bob', kind: 'exec', atMs: NOON_MS, joined: true } as const
    const visits = { ...withVisit(binding.visits, visit), omitted: 3 }
    const touch = { kind: 'Job', name: 'x', username: 'carol', atMs: NOON_MS, fields: ['suspend'] }
    const story = { endsAtMs: () => Number.POSITIVE_INFINITY }
    const at = timestampFromMs(NOON_MS)
    expect(bindingToMessage({ ...binding, visits }, story, [touch])).toMatchObject({
      visitors: [
        { username: 'bob', kinds: ['exec'], firstAt: at, lastAt: at, visits: 1n, joined: true },
      ],
      visitsOmitted: 3n,
      touches: [{ username: 'carol', at, kind: 'Job', name: 'x', fields: ['suspend'] }],
    })
  })
})
