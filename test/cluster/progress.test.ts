import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { withProgress, withTicks } from './progress.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const lasting = (ms: number) => () => new Promise<void>((resolve) => setTimeout(resolve, ms))

describe('withTicks', () => {
  test.each([
    ['a terminal', true, ['w ... 5.0 s', 'w ... 10.0 s']],
    ['a file', false, []],
  ])('withTicks writes to %s', async (_, isTerminal, lines) => {
    const log = vi.fn<(line: string) => void>()
    const done = withTicks(log, 'w', lasting(12_000), isTerminal)
    await vi.advanceTimersByTimeAsync(20_000)
    await done
    expect(log.mock.calls.map(([line]) => line)).toEqual(lines)
  })

  test('withTicks writes a line each half minute to a file, with what was reported last', async () => {
    const log = vi.fn<(line: string) => void>()
    const done = withTicks(
      log,
      'w',
      async (report) => {
        await lasting(40_000)()
        report('half of it')
        report('more than half of it')
        await lasting(40_000)()
      },
      false,
    )
    await vi.advanceTimersByTimeAsync(100_000)
    await done
    expect(log.mock.calls.map(([line]) => line)).toEqual([
      'w ... 30.0 s',
      'w ... 60.0 s, more than half of it',
    ])
  })

  test('withTicks ends its lines with work that fails', async () => {
    const log = vi.fn<(line: string) => void>()
    const failing = () => Promise.reject(new Error('no'))
    await expect(withTicks(log, 'w', failing, true)).rejects.toThrow('no')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(log).not.toHaveBeenCalled()
  })
})

describe('withProgress', () => {
  test('withProgress says when work begins, and how long it took', async () => {
    const log = vi.fn<(line: string) => void>()
    const done = withProgress(log, 'w', lasting(2_500))
    await vi.advanceTimersByTimeAsync(3_000)
    await done
    expect(log.mock.calls.map(([line]) => line)).toEqual(['w ...', 'w: 2.5 s'])
  })
})
