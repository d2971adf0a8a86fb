import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { SessionWay, type WayStages } from './session-way.ts'

/** A way that tells what happens to it, in order. */
function told(parts: Partial<WayStages> = {}) {
  const events: string[] = []
  const way = new SessionWay({
    room: () => undefined,
    read: (piece) => {
      events.push(`read ${piece.length}`)
      return true
    },
    passed: () => void events.push('passed'),
    ended: () => void events.push('ended'),
    ...parts,
  })
  way.on('data', (piece: Buffer) => void events.push(`got ${piece.length}`))
  return { way, events }
}

test('SessionWay passes a keystroke before it returns', async () => {
  const { way, events } = told()
  await turn()
  way.write(Buffer.alloc(1))
  expect(events).toEqual(['read 1', 'got 1', 'passed'])
})

test('SessionWay passes together what comes in one turn', async () => {
  const { way, events } = told()
  for (let count = 0; count < 3; count += 1) way.write(Buffer.alloc(16_384))
  way.write(Buffer.alloc(1))
  expect(events).toEqual([])
  await turn()
  const piece = ['read 16384', 'got 16384']
  expect(events).toEqual([...piece, ...piece, ...piece, 'read 1', 'got 1', 'passed'])
})

test('SessionWay passes all before its end', async () => {
  const { way, events } = told()
  way.end(Buffer.alloc(5_000))
  await new Promise((resolve) => way.once('end', resolve))
  expect(events).toEqual(['read 5000', 'got 5000', 'passed', 'ended'])
})

test('SessionWay that nobody reads takes in no more than 300 KiB', async () => {
  const way = new SessionWay({
    ...{ room: () => undefined, read: () => true },
    ...{ passed: () => undefined, ended: () => undefined },
  })
  let taken = 0
  while (way.write(Buffer.alloc(16_384)) && taken < 100) {
    taken += 1
    await turn()
  }
  expect(taken * 16_384).toBeLessThan(300 * 1_024)
})

test('SessionWay reads nothing while there is no room, and all of it afterwards', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let room: Promise<void> | undefined = promise
  const { way, events } = told({ room: () => room })
  way.write(Buffer.alloc(1))
  way.end(Buffer.alloc(2))
  await turn()
  expect(events).toEqual([])
  room = undefined
  resolve()
  await new Promise((done) => way.once('end', done))
  expect(events).toEqual(['read 1', 'got 1', 'read 2', 'got 2', 'passed', 'ended'])
})

test('SessionWay passes nothing from the first piece that must not pass', async () => {
  const { way, events } = told({ read: (piece) => piece.length < 6_000 })
  for (const length of [5_000, 6_000, 5_001]) way.write(Buffer.alloc(length))
  await turn()
  expect(events).toEqual(['got 5000', 'passed'])
})

test('SessionWay that is destroyed passes nothing that it had', async () => {
  const { way, events } = told()
  way.write(Buffer.alloc(5_000))
  way.destroy()
  await turn()
  expect(events).toEqual([])
})
