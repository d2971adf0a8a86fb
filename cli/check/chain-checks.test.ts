import { describe, expect, test } from 'vitest'
import type { KubernetesClient } from '../../api/client/kubernetes-client.ts'
import type { CommandContext } from '../command/command-context.ts'
import { chainChecks, endsSoon, phaseChecks } from './chain-checks.ts'
import { createChainReader } from './chain-reader.ts'
import { runItem } from './check-item.ts'

const DAY_MS = 24 * 3_600_000
const NOW = Date.parse('2026-11-23T10:00:00Z')
const at = (ms: number) => new Date(ms).toISOString()

describe('endsSoon()', () => {
  test.each([
    ['a year old at most, a fortnight before', 365 * DAY_MS, 14 * DAY_MS, true],
    ['a year old at most, a moment earlier', 365 * DAY_MS, 14 * DAY_MS + 1, false],
    ['ten days at most, a day before', 10 * DAY_MS, DAY_MS, true],
    ['ten days at most, a moment earlier', 10 * DAY_MS, DAY_MS + 1, false],
    ['at its end', 365 * DAY_MS, 0, true],
    ['long after its end', 365 * DAY_MS, -DAY_MS, true],
  ])('of a chain %s', (_title, ageMs, leftMs, expected) => {
    const spec = { renewedAt: at(NOW + leftMs - ageMs), endsAt: at(NOW + leftMs) }
    expect(endsSoon(spec, NOW)).toBe(expected)
  })

  test('is not of a chain that never ends', () => {
    expect(endsSoon({ renewedAt: at(0) }, NOW)).toBe(false)
  })
})

function aChain(name: string, leftMs: number) {
  const endsAt = at(NOW + leftMs)
  const renewedAt = at(NOW + leftMs - 365 * DAY_MS)
  const rootRequester = { username: 'alice', groups: [] }
  return {
    metadata: { namespace: 'team', name },
    spec: { podUid: `uid-${name}`, rootRequester, renewedAt, endsAt },
  }
}

function aPod(name: string, owner?: { readonly kind: string; readonly name: string }) {
  const ownerReferences = owner === undefined ? [] : [{ ...owner, controller: true }]
  return { metadata: { name, uid: `uid-${name}`, ownerReferences }, spec: {} }
}

async function checked(chains: readonly unknown[], pods: readonly unknown[]) {
  const get = async (path: string) => ({
    metadata: {},
    items: path.endsWith('/pods') ? pods : chains,
  })
  const context = { client: { get }, now: () => NOW } as unknown as CommandContext
  const [item] = chainChecks(context, createChainReader(context.client), ['team'])
  if (item === undefined) throw new Error('there is an item for each namespace')
  return runItem(item)
}

describe('chainChecks()', () => {
  test('says who restarts what, and by which command, once for each', async () => {
    const set = { kind: 'StatefulSet', name: 'db' }
    const { result, hints = [] } = await checked(
      [aChain('db-0', DAY_MS), aChain('db-1', DAY_MS), aChain('alone', -1)],
      [aPod('db-0', set), aPod('db-1', set), aPod('alone')],
    )
    expect(result).toBe('warning')
    expect(hints.slice(0, -1)).toEqual([
      'the chain of team/db-1 ends in 24h; let alice restart it:',
      '  kubectl -n team rollout restart statefulset/db',
      'the chain of team/alone has ended by age; let alice restart it:',
      '  kubectl -n team delete pod alone   # then create it again',
    ])
  })

  test.each([
    ['no chain', [], []],
    ['a chain that ends later', [aChain('web', 15 * DAY_MS)], [aPod('web')]],
    ['a chain of a pod that is gone', [aChain('web', 0)], []],
    [
      'a chain of an earlier pod of the name',
      [aChain('web', 0)],
      [{ metadata: { name: 'web', uid: 'other' } }],
    ],
  ])('is content with %s', async (_title, chains, pods) => {
    expect(await checked(chains, pods)).toEqual({ result: 'ok' })
  })

  test('names ten, and how many more there are', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `pod-${index}`)
    const { hints = [] } = await checked(
      names.map((name) => aChain(name, 0)),
      names.map((name) => aPod(name)),
    )
    expect(hints).toHaveLength(22)
    expect(hints).toContain('… and 2 more')
  })

  test('has an item for each namespace and none for none', () => {
    expect(chainChecks({} as CommandContext, async () => [], [])).toEqual([])
  })
})

describe('phaseChecks()', () => {
  const running = { ...aChain('a', DAY_MS), status: { phase: 'Running' } }
  const unknown = { ...aChain('b', DAY_MS), status: { phase: 'Unknown' } }

  test.each([
    ['none', [], 'ok', ''],
    [
      'of pods that run or have ended',
      [running, { ...running, status: { phase: 'Ended' } }],
      'ok',
      '',
    ],
    ['of which an older control plane says nothing', [aChain('c', DAY_MS)], 'ok', ''],
    ['of which one is not known', [running, unknown], 'warning', '1 pod may have ended unseen'],
    ['of which none is known', [unknown, unknown], 'warning', '2 pods may have ended unseen'],
  ])('of chains %s', async (_title, chains, expected, hint) => {
    const get = async () => ({ metadata: {}, items: chains })
    const items = phaseChecks(createChainReader({ get } as unknown as KubernetesClient), ['team'])
    const outcomes = await Promise.all(items.map(runItem))
    expect(outcomes).toHaveLength(1)
    expect(outcomes[0]?.result).toBe(expected)
    expect((outcomes[0]?.hints ?? []).join()).toContain(hint)
  })
})
