import { describe, expect, test } from 'vitest'
import { sampleFigures, sampleLoad } from './figures.sample.ts'
import type { Parts } from './figures.ts'
import { addedMs, judge, toMegabytes } from './verdicts.ts'

const { parts } = sampleFigures()
const sample = parts as Parts
const lanyard = (changes: object) => {
  const { lanyard: own } = sampleLoad().paths
  return sampleLoad({ lanyard: { ...(own ?? fail()), ...changes } })
}
const fail = () => expect.fail('the sample has no such path')
const inState = (state: string, changes: Partial<Parts>) =>
  judge(sampleFigures(changes))
    .filter((verdict) => verdict.state === state)
    .map(({ figure }) => figure)

describe('judge', () => {
  test('finds every target met, and those that have an aim at it', () => {
    expect(inState('missed', {})).toEqual([])
    expect(inState('not measured', {})).toEqual([])
    expect(inState('met', {})).toEqual([
      "added p50 of an exec's echo, recorded ÷ what Envoy's relay adds",
      'a copy out of a pod, recorded ÷ direct, bytes/s',
      'a list of 10,000 pods ÷ direct, time',
      'a list of 10,000 pods, growth of memory',
      '500 open watches in one pod, working set',
      '500 open watches in one pod, events/s ÷ direct',
      '2,000 pods admitted in one burst, refused',
    ])
  })

  test.each<[string, Partial<Parts>, RegExp]>([
    ['p50', { one: lanyard({ p50Ms: 2.5 }) }, /recorded peer/],
    ['POST', { create: lanyard({ p50Ms: 2.8 }) }, /POST/],
    ['requests/s', { many: lanyard({ requestsPerSecond: 1_649 }) }, /16 connections/],
    ['CPU', { many: lanyard({ cpuMs: { sidecar: 0.29, 'control plane': 0.1 } }) }, /CPU .*sidecar/],
    ['control plane', { many: lanyard({ cpuMs: { 'control plane': 0.13 } }) }, /control plane/],
    ['echo', { echo: { ...sample.echo, lanyard: 1.36 } }, /echo/],
    ['echo without a relay', { echo: { ...sample.echo, envoy: 1.2 } }, /echo/],
    ['copy', { copy: { ...sample.copy, lanyard: 49 } }, /copy/],
    ['ready', { readyMs: 151 }, /ready/],
    ['list', { list: { ...sample.list, ms: { direct: 100, lanyard: 116, calm: true } } }, /time/],
    ['growth', { list: { ...sample.list, growthMiB: 9.6 } }, /growth/],
    ['watches', { watches: { ...sample.watches, workingSetMiB: 57.3 } }, /watches.*set/],
    ['decisions', { decisionsPerSecond: 29_999 }, /durable decisions/],
    ['refusals', { burst: { ...sample.burst, refused: 1 } }, /refused/],
    ['webhook', { burst: { ...sample.burst, p99Ms: 101 } }, /p99/],
  ])('says that a target is missed: %s', (_, changes, words) => {
    expect(inState('missed', changes)).toContainEqual(expect.stringMatching(words))
  })

  test.each<[string, Partial<Parts>, RegExp]>([
    ['ready', { readyMs: 101 }, /ready/],
    ['decisions', { decisionsPerSecond: 49_999 }, /durable/],
    ['memory', { memory: { ...sample.memory, atRest: sample.memory.afterLoad } }, /at rest/],
  ])('says that a target is met and its aim is not: %s', (_, changes, words) => {
    expect(inState('met', changes)).toContainEqual(expect.stringMatching(words))
  })

  test('misses when the peer adds nothing, since no ratio to it can be kept', () => {
    const { direct } = sampleLoad().paths
    const one = sampleLoad({ 'envoy-ext-authz': direct ?? fail() })
    expect(inState('missed', { one })).toEqual(['added p50 of a GET ÷ what the no-op peer adds'])
  })

  test('judges nothing that was not measured', () => {
    const { machine } = sampleFigures()
    const states = judge({ ...{ machine, failures: {} }, parts: {} }).map(({ state }) => state)
    expect(new Set(states)).toEqual(new Set(['not measured']))
  })
})

test.each([
  ['lanyard', 0.7],
  ['direct', 0],
] as const)('addedMs() is what a path costs beyond the direct one: %s', (path, added) => {
  expect(addedMs(sampleLoad(), path)).toBeCloseTo(added)
})

test('addedMs() is not known for a path that is not', () => {
  expect(addedMs(undefined, 'lanyard')).toBeUndefined()
})

test('toMegabytes() counts bytes by the million', () => {
  expect(toMegabytes(1)).toBe(1.048576)
})
