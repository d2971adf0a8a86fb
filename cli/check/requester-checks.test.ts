import { expect, test } from 'vitest'
import type { CommandContext } from '../command/command-context.ts'
import { createChainReader } from './chain-reader.ts'
import { runItem } from './check-item.ts'
import { requesterChecks } from './requester-checks.ts'

const NOBODY = { username: 'lanyard:unattributed', groups: [] }
const ALICE = { username: 'alice', groups: [] }
const DEPLOYMENT = [
  { kind: 'Deployment', name: 'web' },
  { kind: 'ReplicaSet', name: 'web-1' },
]
const chain = (
  name: string,
  rootRequester: object,
  via: readonly object[],
  co: readonly object[],
) => ({
  metadata: { name },
  spec: { rootRequester, coRequesters: co, actors: [{ name, via }] },
})
const podOf = (name: string) => ({ metadata: { name }, spec: { containers: [] } })

async function found(optedIn: boolean, lists: Readonly<Record<string, readonly object[]>>) {
  const get = async (path: string) => ({
    metadata: {},
    items: lists[path.split('/').at(-1) ?? ''] ?? [],
  })
  const context = { client: { get } } as unknown as CommandContext
  const namespace = { name: 'team', labels: {}, annotations: {}, optedIn }
  const items = await requesterChecks(context, createChainReader(context.client), [namespace])
  const outcomes = await Promise.all(items.map(runItem))
  return outcomes.flatMap(({ result, hints = [] }) => [result, ...hints])
}

test('requesterChecks() names what makes pods for which nobody answers, once, and how to mend it', async () => {
  const hints = await found(true, {
    pods: ['a', 'b', 'c', 'd'].map(podOf),
    chains: [
      chain('a', NOBODY, DEPLOYMENT, []),
      chain('b', NOBODY, DEPLOYMENT, []),
      chain('c', ALICE, [{ kind: 'Job', name: 'j' }], [NOBODY]),
      chain('d', ALICE, DEPLOYMENT, []),
    ],
  })
  expect(hints).toEqual([
    'warning',
    expect.stringMatching(/^deployment\/web was there before/),
    expect.stringMatching(/^job\/j was there before/),
    expect.stringMatching(/kubectl replace --force/),
    expect.stringMatching(/answer for it yourself/),
    '  kubectl lanyard reset deployment/web -n team',
    '  kubectl rollout restart deployment/web -n team',
  ])
})

test('requesterChecks() tells it before the namespace is opted in', async () => {
  const job = { metadata: { name: 'j' }, spec: { template: { spec: { containers: [] } } } }
  const hints = await found(false, { jobs: [job], pods: [podOf('bare')] })
  expect(hints).toEqual([
    'warning',
    expect.stringMatching(/^job\/j is there already/),
    expect.any(String),
    expect.any(String),
    '  kubectl lanyard reset job/j -n team',
  ])
})

test('requesterChecks() names ten at most', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `p${index}`)
  const hints = await found(true, {
    pods: names.map(podOf),
    chains: names.map((name) => chain(name, NOBODY, [{ kind: 'ReplicaSet', name }], [])),
  })
  expect(hints.filter((hint) => hint.includes('was there before'))).toHaveLength(10)
  expect(hints).toContain('… and 2 more')
})

test.each<[string, boolean, Readonly<Record<string, readonly object[]>>]>([
  ['no pods', true, {}],
  [
    'pods that somebody answers for',
    true,
    { pods: [podOf('a')], chains: [chain('a', ALICE, [], [])] },
  ],
  ['the chain of a pod that is gone', true, { chains: [chain('a', NOBODY, DEPLOYMENT, [])] }],
  ['an empty namespace', false, {}],
])('requesterChecks() says nothing of %s', async (_name, optedIn, lists) => {
  expect(await found(optedIn, lists)).toEqual([])
})

test('requesterChecks() says nothing where it may not read', async () => {
  const get = () => Promise.reject(new Error('forbidden'))
  const context = { client: { get } } as unknown as CommandContext
  const namespace = { name: 'team', labels: {}, annotations: {}, optedIn: true }
  expect(await requesterChecks(context, createChainReader(context.client), [namespace])).toEqual([])
})
