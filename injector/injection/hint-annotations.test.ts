import { describe, expect, test } from 'vitest'
import { aPod } from '../../test/support/pod-builders.ts'
import { AGENT, aUser } from '../../test/support/record-builders.ts'
import { hintsOf, hintsThatFit, wrongHint } from './hint-annotations.ts'

const LIMIT = 256 * 1_024
const ROOT = 'lanyard.dev/root-requester'
const CHAIN = 'lanyard.dev/chain'
const chainOf = (username: string, actors: number) => ({
  rootRequester: aUser(username),
  coRequesters: [],
  actors: Array.from({ length: actors }, (_none, index) => ({ ...AGENT, name: `step-${index}` })),
})
const HINTS = hintsOf(chainOf('alice', 1))
/** A pod with so many bytes of annotations. */
const podWith = (bytes: number) => aPod({}, { annotations: { team: 'x'.repeat(bytes - 4) } })
const sizeOf = (hints: Readonly<Record<string, string>>) =>
  Object.entries(hints).reduce((sum, [key, value]) => sum + key.length + value.length, 0)

describe('hintsOf()', () => {
  test('names somebody with the words of the record', () => {
    expect(hintsOf(chainOf('alice > team/agent', 0))).toEqual({
      [ROOT]: 'alice > team/agent',
      [CHAIN]: 'alice > team/agent',
    })
  })

  test('cuts a long chain between its root and its last steps', () => {
    const chain = hintsOf(chainOf('alice', 500))[CHAIN] ?? ''
    expect(chain.length).toBeLessThanOrEqual(2_049)
    expect(chain).toMatch(/^alice > … > team\/step-\d+ > .* > team\/step-499$/)
  })

  test('cuts a long name', () => {
    const hints = hintsOf(chainOf('a'.repeat(5_000), 3))
    expect(hints[ROOT]).toBe(`${'a'.repeat(2_048)}…`)
    expect(hints[CHAIN]?.length).toBe(2_049)
  })
})

describe('hintsThatFit()', () => {
  test.each([
    ['both', LIMIT - sizeOf(HINTS), [ROOT, CHAIN]],
    ['the root requester alone', LIMIT - sizeOf(HINTS) + 1, [ROOT]],
    ['none', LIMIT, []],
    ['none of a pod that has too much itself', LIMIT + 10, []],
  ])('keeps %s beside %d bytes', (_name, bytes, want) => {
    expect(Object.keys(hintsThatFit(podWith(bytes), HINTS))).toEqual(want)
  })

  test('counts bytes, as Kubernetes does', () => {
    const pod = aPod({}, { annotations: { team: 'ä'.repeat(LIMIT / 2 - 10) } })
    expect(hintsThatFit(pod, HINTS)).toEqual({})
  })

  test('does not count what it replaces', () => {
    const pod = aPod({}, { annotations: { [ROOT]: 'x'.repeat(LIMIT) } })
    expect(Object.keys(hintsThatFit(pod, HINTS))).toEqual([ROOT, CHAIN])
  })
})

describe('wrongHint()', () => {
  test.each<[string, Readonly<Record<string, string>>, string | undefined]>([
    ['both as they are', HINTS, undefined],
    ['another root', { ...HINTS, [ROOT]: 'bob' }, ROOT],
    ['another chain', { ...HINTS, [CHAIN]: 'bob' }, CHAIN],
    ['one that is missing', { [ROOT]: 'alice' }, CHAIN],
    ['none', {}, ROOT],
  ])('of a pod with %s', (_name, annotations, want) => {
    expect(wrongHint(aPod({}, { annotations }), HINTS)).toBe(want)
  })

  test('takes one that is missing for want of room', () => {
    expect(wrongHint(podWith(LIMIT), HINTS)).toBeUndefined()
  })
})
