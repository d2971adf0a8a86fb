import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { describe, expect, test } from 'vitest'
import { withVisit } from '../../core/chain-visits.ts'
import { PodState } from '../../proto/gen/lanyard/v1/chain_pb.ts'
import { NO_STORY } from '../../test/support/memory-stores.ts'
import { AGENT, anEnrolledBinding, NOON_MS } from '../../test/support/record-builders.ts'
import type { PodLife } from '../chains/chain-story.ts'
import { bindingToMessage } from './binding-message.ts'

const binding = anEnrolledBinding([AGENT], 1)

describe('bindingToMessage()', () => {
  test.each([
    [Number.POSITIVE_INFINITY, undefined],
    [NOON_MS, timestampFromMs(NOON_MS)],
  ])('of a chain that ends at %d', (endsAtMs, endsAt) => {
    const message = bindingToMessage(binding, { ...NO_STORY, endsAtMs: () => endsAtMs })
    expect(message.endsAt).toEqual(endsAt)
    expect(message).toMatchObject({ visitors: [], visitsOmitted: 0n, touches: [] })
    expect(message.renewedAt).toEqual(timestampFromMs(binding.renewedAtMs))
  })

  test.each<[PodLife, PodState, number | undefined]>([
    [{ phase: 'Running' }, PodState.RUNNING, undefined],
    [{ phase: 'Unknown' }, PodState.UNSPECIFIED, undefined],
    [{ phase: 'Ended', endedAtMs: NOON_MS }, PodState.ENDED, NOON_MS],
  ])('of a pod of which is known %j', (state, inMessage, endedAtMs) => {
    const message = bindingToMessage(binding, { ...NO_STORY, stateOf: () => state })
    expect(message.state).toBe(inMessage)
    const endedAt = endedAtMs === undefined ? undefined : timestampFromMs(endedAtMs)
    expect(message.endedAt).toEqual(endedAt)
  })

  test('tells of visitors and touches', () => {
    const visit = { username: 'bob', kind: 'exec', atMs: NOON_MS, joined: true } as const
    const visits = { ...withVisit(binding.visits, visit), omitted: 3 }
    const touch = { kind: 'Job', name: 'x', username: 'carol', atMs: NOON_MS, fields: ['suspend'] }
    const at = timestampFromMs(NOON_MS)
    expect(bindingToMessage({ ...binding, visits }, NO_STORY, [touch])).toMatchObject({
      visitors: [
        { username: 'bob', kinds: ['exec'], firstAt: at, lastAt: at, visits: 1n, joined: true },
      ],
      visitsOmitted: 3n,
      touches: [{ username: 'carol', at, kind: 'Job', name: 'x', fields: ['suspend'] }],
    })
  })
})
