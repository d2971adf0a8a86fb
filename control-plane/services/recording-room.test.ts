import { expect, test } from 'vitest'
import { RecordingRoom } from './recording-room.ts'

const MIB = 1_024 * 1_024

/** A volume with 100 MiB free, of which 20 are the floor, and a quota of 50 MiB, of which 10 are used. */
function openRoom({ bytesMax = 50 * MIB, freeBytesMin = 20 * MIB } = {}) {
  const state = { recorded: 10 * MIB, unlisted: 0, free: 100 * MIB, nowMs: 0, looks: 0 }
  const dropped: number[] = []
  const room = new RecordingRoom({
    limits: { bytesMax, freeBytesMin },
    size: () => ({
      ...{ bytes: state.recorded, open: 0 },
      ...{ unlistedFiles: Number(state.unlisted > 0), unlistedBytes: state.unlisted },
    }),
    dropUnlisted: async (bytes) => {
      dropped.push(bytes)
      const gone = Math.min(bytes, state.unlisted)
      state.unlisted -= gone
      state.free += gone
    },
    readSpace: () => {
      state.looks += 1
      if (Number.isNaN(state.free)) throw new Error('EIO')
      return { freeBytes: state.free, bytes: 1_000 * MIB }
    },
    monotonicMs: () => state.nowMs,
  })
  return { room, state, dropped }
}

const overloaded = { code: 'overloaded' }

test.each([
  ['below the quota', 50 * MIB - 1, true],
  ['at the quota', 50 * MIB, false],
])('RecordingRoom.checkBegin() admits %s: %d is %j', async (_name, recorded, admits) => {
  const { room, state } = openRoom()
  state.recorded = recorded
  const begun = await room.checkBegin().then(
    () => true,
    () => false,
  )
  expect(begun).toBe(admits)
})

test('RecordingRoom.checkBegin() names the setting of the quota, and 0 is none', async () => {
  const { room, state } = openRoom()
  state.recorded = 60 * MIB
  await expect(room.checkBegin()).rejects.toMatchObject({
    ...overloaded,
    message: expect.stringContaining('50 MiB that they may have'),
  })
  const unbounded = openRoom({ bytesMax: 0 })
  unbounded.state.recorded = 1e15
  await unbounded.room.checkBegin()
})

test('RecordingRoom keeps sessions from beginning below the floor, and lets them go on until half of it', async () => {
  const { room, state } = openRoom()
  state.free = 20 * MIB - 1
  await expect(room.checkBegin()).rejects.toMatchObject(overloaded)
  await expect(room.checkImport()).rejects.toMatchObject({
    message: expect.stringContaining('cannot be imported'),
  })
  room.checkGoOn()
  Object.assign(state, { free: 10 * MIB - 1, nowMs: 1_000 })
  expect(() => room.checkGoOn()).toThrow('cannot be recorded any further')
})

test('RecordingRoom looks at the volume once a second, and admits again once there is room', async () => {
  const { room, state } = openRoom()
  state.free = 0
  await expect(room.checkBegin()).rejects.toMatchObject(overloaded)
  Object.assign(state, { free: 100 * MIB, nowMs: 999 })
  expect(() => room.checkGoOn()).toThrow('full')
  expect(state.looks).toBe(1)
  state.nowMs = 1_000
  room.checkGoOn()
  await room.checkBegin()
  expect(state.looks).toBe(2)
})

test('RecordingRoom refuses nobody for a volume that cannot be looked at', async () => {
  const { room, state } = openRoom()
  state.free = Number.NaN
  await room.checkBegin()
  room.checkGoOn()
})

test.each([
  ['nothing where there is room', { unlisted: 5 * MIB }, []],
  ['what is over the quota', { unlisted: 42 * MIB }, [2 * MIB]],
  ['what the floor lacks', { unlisted: 30 * MIB, free: 15 * MIB }, [5 * MIB]],
  ['nothing where nothing is unlisted', { free: 15 * MIB, recorded: 49 * MIB }, []],
])('RecordingRoom removes %s of files that nobody lists', async (_name, change, removed) => {
  const { room, state, dropped } = openRoom()
  Object.assign(state, change)
  await room.checkBegin().catch(() => undefined)
  expect(dropped).toEqual(removed)
})

test('RecordingRoom.checkBegin() admits a session for which unlisted files made room', async () => {
  const { room, state } = openRoom()
  Object.assign(state, { unlisted: 30 * MIB, free: 15 * MIB })
  await room.checkBegin()
  expect(state.free).toBe(20 * MIB)
})
