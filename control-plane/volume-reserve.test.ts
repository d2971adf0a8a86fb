import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readVolumeSpace, VolumeReserve } from './volume-reserve.ts'

const GIB = 1_024 ** 3
const MIB = 1_024 ** 2
const flood = { root: 'alice', pod: 'flood' }

function askedUntilRefused(reserve: VolumeReserve, share: typeof flood, nowMs: number): number {
  for (let asked = 0; asked < 2_000; asked += 1) {
    try {
      reserve.check(share, nowMs)
    } catch (error) {
      expect(error).toMatchObject({ code: 'overloaded' })
      return asked
    }
  }
  return 2_000
}

test.each([
  ['a large volume with much room', { freeBytes: 5 * GIB, bytes: 10 * GIB }, 2_000],
  ['a large volume above the reserve', { freeBytes: 257 * MIB, bytes: 10 * GIB }, 2_000],
  ['a large volume with the reserve left', { freeBytes: 255 * MIB, bytes: 10 * GIB }, 100],
  ['a small volume above the reserve', { freeBytes: 11 * MIB, bytes: 100 * MIB }, 2_000],
  ['a small volume with the reserve left', { freeBytes: 9 * MIB, bytes: 100 * MIB }, 100],
])('check() on %s', (_name, space, want) => {
  expect(askedUntilRefused(new VolumeReserve(() => space), flood, 0)).toBe(want)
})

test('check() refuses who has used a share, and others go on; with time it comes back', () => {
  const reserve = new VolumeReserve(() => ({ freeBytes: 1 * MIB, bytes: 10 * GIB }))
  expect(askedUntilRefused(reserve, flood, 0)).toBe(100)
  expect(() => reserve.check({ root: 'bob', pod: 'other' }, 0)).not.toThrow()
  expect(askedUntilRefused(reserve, flood, 2_000)).toBe(10)
  // Another pod of the same person has the rest of the person's share.
  expect(askedUntilRefused(reserve, { root: 'alice', pod: 'second' }, 2_000)).toBe(100)
  expect(askedUntilRefused(reserve, { root: 'alice', pod: 'third' }, 2_000)).toBe(100)
  expect(askedUntilRefused(reserve, { root: 'alice', pod: 'fourth' }, 2_000)).toBe(10)
  expect(askedUntilRefused(reserve, { root: 'alice', pod: 'fifth' }, 2_000)).toBe(0)
})

test('check() refuses nobody when the volume cannot be looked at, and looks again', () => {
  let space: { freeBytes: number; bytes: number } | undefined
  const reserve = new VolumeReserve(() => {
    if (space === undefined) throw new Error('EIO')
    return space
  })
  expect(askedUntilRefused(reserve, flood, 0)).toBe(2_000)
  space = { freeBytes: 0, bytes: GIB }
  expect(askedUntilRefused(reserve, flood, 1_000)).toBe(100)
})

test('readVolumeSpace() tells of the volume of a file', () => {
  const { freeBytes, bytes } = readVolumeSpace(join(tmpdir(), 'x'))
  expect(bytes).toBeGreaterThan(0)
  expect(freeBytes).toBeLessThanOrEqual(bytes)
})
