import { describe, expect, test } from 'vitest'
import { compareRuns, differingSpecs, isAsExpected, type Outcomes } from './compare-runs.ts'

function outcomes(states: Readonly<Record<string, string>>): Outcomes {
  return new Map(
    Object.entries(states).map(([spec, state]) => [
      spec,
      { state, seconds: 1, message: state === 'passed' ? '' : `${spec} is ${state}` },
    ]),
  )
}

const NONE: Outcomes = new Map()
const compare = (
  direct: Readonly<Record<string, string>>,
  sidecar: Readonly<Record<string, string>>,
  again: Readonly<Record<string, string>> = {},
  known: readonly { spec: string; reason: string }[] = [],
) =>
  compareRuns({
    kubernetes: '1.37.2',
    direct: outcomes(direct),
    sidecar: outcomes(sidecar),
    again: outcomes(again),
    known,
  })

const REASON = { spec: 'a', reason: 'no policy can' }

describe('compareRuns()', () => {
  test('counts what passed in both ways', () => {
    expect(compare({ a: 'passed', b: 'passed' }, { a: 'passed', b: 'passed' })).toEqual({
      kubernetes: '1.37.2',
      ran: 2,
      passedBoth: 2,
      differences: [],
      failedDirectly: [],
      noLonger: [],
      passedAgain: [],
    })
  })

  test.each(['failed', 'timedout', 'panicked', 'interrupted', 'aborted'])(
    'calls a spec a difference that passed directly and is %s',
    (state) => {
      const { differences, passedBoth } = compare({ a: 'passed' }, { a: state })
      expect(differences).toEqual([{ spec: 'a', message: `a is ${state}` }])
      expect(passedBoth).toBe(0)
    },
  )

  test('calls a spec a difference that did not run through the sidecar', () => {
    const { differences } = compare({ a: 'passed', b: 'passed' }, { b: 'passed' })
    expect(differences).toEqual([{ spec: 'a', message: 'it did not run through the sidecar' }])
  })

  test.each([
    ['failed in both ways', { a: 'failed' }, { a: 'failed' }],
    ['failed directly alone', { a: 'failed' }, { a: 'passed' }],
    ['did not run directly', {}, { a: 'failed' }],
  ])('calls no difference what %s, and says so', (_title, direct, sidecar) => {
    const { differences, failedDirectly, passedBoth } = compare(direct, sidecar)
    expect([differences, failedDirectly, passedBoth]).toEqual([[], ['a'], 0])
  })

  test('gives a known difference its reason', () => {
    const { differences } = compare({ a: 'passed' }, { a: 'failed' }, {}, [REASON])
    expect(differences).toEqual([{ spec: 'a', message: 'a is failed', reason: 'no policy can' }])
  })

  test('names known differences that are none any more', () => {
    const states = { a: 'passed' }
    expect(compare(states, states, {}, [REASON]).noLonger).toEqual(['a'])
    expect(compare({}, {}, {}, [REASON]).noLonger).toEqual([])
  })

  test('lets a second attempt pass, and says which', () => {
    const direct = { a: 'passed', b: 'passed' }
    const sidecar = { a: 'failed', b: 'failed' }
    const { differences, passedAgain, passedBoth } = compare(direct, sidecar, {
      a: 'passed',
      b: 'failed',
    })
    expect(differences.map(({ spec }) => spec)).toEqual(['b'])
    expect([passedAgain, passedBoth]).toEqual([['a'], 1])
  })
})

describe('isAsExpected()', () => {
  test.each([
    ['nothing differs', { a: 'passed' }, { a: 'passed' }, true],
    ['something differs', { a: 'passed', b: 'passed' }, { a: 'passed', b: 'failed' }, false],
    ['nothing ran', {}, {}, false],
    ['nothing passed directly', { a: 'failed' }, { a: 'passed' }, false],
  ])('when %s', (_title, direct, sidecar, want) => {
    expect(isAsExpected(compare(direct, sidecar))).toBe(want)
  })

  test('when what differs is known', () => {
    const direct = { a: 'passed', b: 'passed' }
    const sidecar = { a: 'failed', b: 'passed' }
    expect(isAsExpected(compare(direct, sidecar, {}, [REASON]))).toBe(true)
  })
})

test('differingSpecs() names what passed directly and not through the sidecar', () => {
  const direct = outcomes({ a: 'passed', b: 'passed', c: 'failed' })
  expect(differingSpecs(direct, outcomes({ a: 'passed', b: 'failed' }))).toEqual(['b'])
  expect(differingSpecs(NONE, direct)).toEqual([])
})
