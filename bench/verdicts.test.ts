import { describe, expect, test } from 'vitest'
import { sampleFigures } from './figures.sample.ts'
import { addedMs, judge, toMegabytes } from './verdicts.ts'

const { paths, sidecar, webhook } = sampleFigures({})
const missed = (figures: Parameters<typeof sampleFigures>[0]) =>
  judge(sampleFigures(figures))
    .filter(({ met }) => !met)
    .map(({ target }) => target)

describe('judge', () => {
  test('finds every target met', () => expect(missed({})).toEqual([]))

  test.each([
    [{ paths: { ...paths, lanyard: { ...paths.lanyard, p50Ms: 2 } } }, /added p50/],
    [{ paths: { ...paths, lanyard: { ...paths.lanyard, rps16: 1_799 } } }, /16 connections/],
    [{ decisionsPerSecond: 14_999 }, /durable decisions/],
    [{ sidecar: { ...sidecar, readyMs: 401 } }, /ready/],
    [{ sidecar: { ...sidecar, workingSetMiB: 95.4 } }, /working set/],
    [{ sidecar: { ...sidecar, privateMiB: 95.4 } }, /private/],
    [{ sidecar: { ...sidecar, rssMiB: 95.4 } }, /RSS.*100 MB/],
    [{ webhook: { ...webhook, p99Ms: 30 } }, /webhooks/],
  ])('says which target is missed: %j', (figures, words) => {
    expect(missed(figures)).toEqual([expect.stringMatching(words)])
  })

  test('misses when the peer adds nothing, since no ratio to it can be kept', () => {
    const peer = { ...paths['envoy-ext-authz'], p50Ms: paths.direct.p50Ms }
    expect(missed({ paths: { ...paths, 'envoy-ext-authz': peer } })).toHaveLength(1)
  })
})

test('addedMs is what a path costs beyond the direct one', () => {
  expect(addedMs({ paths }, 'lanyard')).toBeCloseTo(0.8)
})

test('toMegabytes() counts bytes by the million', () => {
  expect(toMegabytes(1)).toBe(1.048576)
})
