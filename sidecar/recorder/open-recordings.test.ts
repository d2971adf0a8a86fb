import { expect, test } from 'vitest'
import type { SessionFailure } from '../../proxy/session/session-recorder.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { OpenRecordings } from './open-recordings.ts'

function aRecording() {
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  const failures: SessionFailure[] = []
  return { over, end, failures, fail: (failure: SessionFailure) => void failures.push(failure) }
}

/** Resolves with whether a promise has settled once the clock has moved. */
async function isDone(work: Promise<void>, clock: ManualClock, ms: number): Promise<boolean> {
  let done = false
  void work.then(() => {
    done = true
  })
  await clock.advance(ms)
  return done
}

test('OpenRecordings.drain() ends each session with its reason, and waits for all', async () => {
  const clock = new ManualClock()
  const recordings = new OpenRecordings(clock)
  const [one, other, before] = [aRecording(), aRecording(), aRecording()]
  for (const recording of [one, other, before]) recordings.add(recording)
  before.end()
  await before.over
  const draining = recordings.drain()
  expect([one, other, before].map(({ failures }) => failures.length)).toEqual([1, 1, 0])
  expect(one.failures).toMatchObject([
    { ending: 'drained', fault: { message: 'The pod ends, and this session with it' } },
  ])
  one.end()
  expect(await isDone(draining, clock, 100)).toBe(false)
  other.end()
  await draining
  expect(clock.waiting).toBe(0)
})

test('OpenRecordings.drain() ends a session that is opened afterwards', async () => {
  const recordings = new OpenRecordings(new ManualClock())
  await recordings.drain()
  const late = aRecording()
  recordings.add(late)
  expect(late.failures).toMatchObject([{ ending: 'drained' }])
})

test('OpenRecordings.flushed() waits for sessions without ending them, and not for ever', async () => {
  const clock = new ManualClock()
  const recordings = new OpenRecordings(clock)
  await recordings.flushed()
  const one = aRecording()
  recordings.add(one)
  const flushing = recordings.flushed()
  expect(await isDone(flushing, clock, 2_499)).toBe(false)
  expect(await isDone(flushing, clock, 1)).toBe(true)
  expect(one.failures).toEqual([])
})
