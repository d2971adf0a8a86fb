import { expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { WaitingRoom } from './waiting-room.ts'

function aRoom(max = 10) {
  const clock = new ManualClock()
  return { clock, room: new WaitingRoom<{ name: string }>({ clock, max, waitMs: 100 }) }
}

const name = async (server: { name: string }) => server.name

test('enter() is served by what serves now', async () => {
  const { room } = aRoom()
  room.open({ name: 'first' })
  room.open({ name: 'second' })
  expect(await room.enter(name)).toBe('second')
})

test('enter() waits for what serves next, through every attempt that fails', async () => {
  const { room, clock } = aRoom()
  const answer = room.enter(name)
  room.shut()
  await clock.advance(99)
  room.shut()
  room.open({ name: 'late' })
  expect(await answer).toBe('late')
  expect(clock.waiting).toBe(0)
})

test('enter() gives up when nothing serves for too long', async () => {
  const { room, clock } = aRoom()
  room.open({ name: 'gone' })
  room.shut()
  const answer = room.enter(name)
  const refused = expect(answer).rejects.toMatchObject({ code: 'decision_unavailable' })
  await clock.advance(100)
  await refused
  expect(room.server).toBeUndefined()
})

test('enter() says why nothing serves where it is known, as long as that holds', async () => {
  const clock = new ManualClock()
  let known: Fault | undefined = new Fault('decision_unavailable', 'The versions do not fit')
  const room = new WaitingRoom({ clock, max: 10, waitMs: 100, reason: () => known })
  const told = expect(room.enter(async () => 'served')).rejects.toBe(known)
  await clock.advance(100)
  await told
  known = undefined
  const away = expect(room.enter(async () => 'served')).rejects.toThrow('is away')
  await clock.advance(100)
  await away
})

test('enter() refuses one too many, and lets in again when one is served', async () => {
  const { room } = aRoom(1)
  room.open({ name: 'slow' })
  const { promise, resolve } = Promise.withResolvers<string>()
  const first = room.enter(() => promise)
  await expect(room.enter(name)).rejects.toMatchObject({ code: 'overloaded' })
  resolve('done')
  expect(await first).toBe('done')
  expect(await room.enter(name)).toBe('slow')
})

test('enter() keeps no place for one that failed', async () => {
  const { room } = aRoom(1)
  room.open({ name: 'broken' })
  await expect(room.enter(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await room.enter(name)).toBe('broken')
})
