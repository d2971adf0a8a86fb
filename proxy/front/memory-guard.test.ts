import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SOCKET_BYTES } from './memory-budget.ts'
import { LimitGuard, type MemoryGuardOptions } from './memory-guard.ts'

const MEBIBYTE = 1024 * 1024
const LIMIT = 100 * MEBIBYTE

/** A guard of 100 MiB whose process has what `now` says. */
function aGuard(options: Partial<MemoryGuardOptions> = {}) {
  const now = { mebibytes: 0, ms: 0, measured: 0 }
  const collected: string[] = []
  const guard = new LimitGuard({
    limitBytes: LIMIT,
    readBytes: () => {
      now.measured += 1
      return now.mebibytes * MEBIBYTE
    },
    socketsCount: true,
    collect: (type) => void collected.push(type),
    nowMs: () => now.ms,
    ...options,
  })
  return { guard, now, collected }
}

test.each([
  ['half of the limit', 50, {}, false],
  ['the mark', 81, {}, false],
  ['more than the mark', 82, {}, true],
  ['more than the limit', 200, {}, true],
  ['anything without a limit', 200, { limitBytes: 0 }, false],
])('LimitGuard.isTight() with %s', (_name, mebibytes, options, want) => {
  const { guard, now } = aGuard(options)
  now.mebibytes = mebibytes
  expect(guard.isTight()).toBe(want)
})

test.each([
  ['counts', true, true],
  ['does not count', false, false],
])('LimitGuard keeps room for unread answers where the kernel %s them', (_name, counts, want) => {
  const { guard, now } = aGuard({ socketsCount: counts })
  guard.setOpen((30 * MEBIBYTE) / SOCKET_BYTES)
  now.mebibytes = 70
  expect(guard.isTight()).toBe(want)
})

test('LimitGuard measures now and then, sooner when much comes, and is not tight when memory is back', () => {
  const { guard, now, collected } = aGuard()
  now.mebibytes = 85
  expect([guard.isTight(), guard.isTight()]).toEqual([true, true])
  expect(collected).toEqual(['minor', 'major'])
  now.mebibytes = 10
  now.ms = 49
  expect(guard.isTight()).toBe(true)
  expect(guard.isTight(2 * MEBIBYTE)).toBe(false)
  now.mebibytes = 85
  expect(guard.isTight()).toBe(false)
  now.ms = 99
  expect(guard.isTight()).toBe(true)
  // The second is for the bytes that came.
  expect(collected).toEqual(['minor', 'major', 'minor', 'minor'])
})

test.each([
  ['2 MiB at a time', [2, 2], 2],
  ['small pieces', [1, 0.5, 0.5, 1, 0.9], 1],
  ['less', [1, 0.9], 0],
  ['nothing', [0], 0],
])(
  'LimitGuard collects what is young for %s of answers, with a limit or without',
  (_name, pieces, want) => {
    const guards = [aGuard(), aGuard({ limitBytes: 0 })]
    for (const { guard } of guards) {
      for (const mebibytes of pieces) guard.isTight(mebibytes * MEBIBYTE)
    }
    const all = guards.map(({ collected }) => collected)
    expect(all).toEqual([Array(want).fill('minor'), Array(want).fill('minor')])
  },
)

test('LimitGuard goes by what is left after garbage was collected', () => {
  const now = { mebibytes: 95 }
  const { guard } = aGuard({
    readBytes: () => now.mebibytes * MEBIBYTE,
    collect: () => {
      now.mebibytes = 20
    },
  })
  expect(guard.isTight()).toBe(false)
})

describe('LimitGuard.whenRoomy()', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function waiting(mebibytes: number) {
    const { guard, now } = aGuard()
    const gone: number[] = []
    now.mebibytes = mebibytes
    for (let index = 0; index < 40; index += 1) guard.whenRoomy(() => gone.push(index))
    const pass = (ms: number) => {
      for (let passed = 0; passed < ms; passed += 50) {
        now.ms += 50
        vi.advanceTimersByTime(50)
      }
    }
    return { gone, now, pass }
  }

  test('goes on immediately while there is room', () => {
    expect(waiting(90).gone).toHaveLength(40)
  })

  test('lets all wait while memory grows, but for one a second, and go on in their order', () => {
    const { gone, now, pass } = waiting(95)
    expect(gone).toEqual([])
    now.mebibytes = 96
    pass(1_900)
    expect(gone).toEqual([0, 1])
    now.mebibytes = 50
    pass(50)
    expect(gone).toEqual(Array.from({ length: 40 }, (_, index) => index))
  })

  test('lets some go on while memory stays as full as it was', () => {
    const { gone, pass } = waiting(95)
    pass(100)
    expect(gone).toHaveLength(32)
  })
})
