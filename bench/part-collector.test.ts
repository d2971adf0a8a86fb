import { describe, expect, test } from 'vitest'
import { PartCollector } from './part-collector.ts'

const log = () => undefined

describe('PartCollector', () => {
  test('keeps what was measured, and the reason for what was not', async () => {
    const parts = new PartCollector(undefined, log)
    await parts.measure('readyMs', () => Promise.reject(new Error('no pod started')))
    await parts.measure('decisionsPerSecond', () => Promise.resolve(7))
    expect(parts.finish()).toEqual({
      parts: { decisionsPerSecond: 7 },
      failures: { readyMs: 'no pod started' },
    })
  })

  test('measures nothing that is not wanted, and blames nothing on it', async () => {
    const parts = new PartCollector(['readyMs'], log)
    await parts.measure('decisionsPerSecond', () => Promise.resolve(7))
    parts.fail(['one', 'readyMs'], 'no peers')
    expect(parts.finish()).toEqual({ parts: {}, failures: { readyMs: 'no peers' } })
  })

  test.each([
    [undefined, true],
    [['list'] as const, false],
    [['list', 'many'] as const, true],
    [[], false],
  ])('wants one of several parts, of %j: %s', (only, wanted) => {
    expect(new PartCollector(only, log).wants('one', 'many')).toBe(wanted)
  })
})
