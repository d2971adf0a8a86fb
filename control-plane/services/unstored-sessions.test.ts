import { expect, test } from 'vitest'
import { UnstoredSessions } from './unstored-sessions.ts'

/** Sessions may have 10 bytes each, and 40 together. */
function openSome(count: number) {
  const all = new UnstoredSessions({ perSession: 10, all: 40 })
  const begun: number[] = []
  const sessions = Array.from({ length: count }, () => all.open())
  const want = (index: number) => sessions[index]?.want(() => begun.push(index))
  return { all, begun, sessions, want }
}

test('SessionReads.want() reads while there is room, and again once enough is stored', () => {
  const { begun, sessions, want } = openSome(1)
  want(0)
  sessions[0]?.came(9)
  want(0)
  sessions[0]?.came(1)
  want(0)
  expect(begun).toEqual([0, 0])
  sessions[0]?.stored(1)
  expect(begun).toEqual([0, 0, 0])
  sessions[0]?.stored(9)
  expect(begun).toHaveLength(3)
})

test('SessionReads.want() waits for the bytes of others, first those that waited first', () => {
  const { all, begun, sessions, want } = openSome(6)
  for (const index of [0, 1]) sessions[index]?.came(9)
  sessions[2]?.came(2)
  for (const index of [2, 1, 0]) want(index)
  expect([begun, all.bytes]).toEqual([[], 20])
  sessions[2]?.stored(1)
  expect(begun).toEqual([2, 1, 0])
})

test('SessionReads.want() reads of a session of which nothing waits until all room is taken', () => {
  const { begun, sessions, want } = openSome(8)
  for (const index of [0, 1, 2, 3, 4]) {
    want(index)
    sessions[index]?.came(8)
  }
  expect(begun).toEqual([0, 1, 2, 3, 4])
  want(5)
  expect(begun).toHaveLength(5)
  sessions[0]?.stored(8)
  expect(begun).toEqual([0, 1, 2, 3, 4, 5])
})

test('SessionReads.hold() lets nothing be read until release()', () => {
  const { begun, sessions, want } = openSome(2)
  sessions[0]?.hold()
  want(0)
  sessions[1]?.came(3)
  sessions[1]?.stored(3)
  expect(begun).toEqual([])
  sessions[0]?.release()
  expect(begun).toEqual([0])
})

test('SessionReads.close() reads what is thrown away, and what came counts until it is stored', () => {
  const { all, begun, sessions, want } = openSome(2)
  sessions[0]?.came(10)
  sessions[0]?.hold()
  want(0)
  sessions[0]?.close()
  want(0)
  expect([all.bytes, begun]).toEqual([10, [0, 0]])
  sessions[0]?.stored(10)
  expect([all.bytes, begun]).toEqual([0, [0, 0]])
})
