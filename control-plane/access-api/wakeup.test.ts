import { expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { Wakeup } from './wakeup.ts'

type Way = 'wait' | 'sleep'

/** Which of its events has ended a wait of 100 ms after each of these steps. */
async function ends(way: Way, steps: readonly string[]): Promise<readonly boolean[]> {
  const clock = new ManualClock()
  const stop = new AbortController()
  const wakeup = new Wakeup(clock, stop.signal)
  let ended = false
  const seen: boolean[] = []
  for (const step of steps) {
    if (step === 'arm') wakeup.arm()
    if (step === 'wake') wakeup.wake()
    if (step === 'stop') stop.abort()
    if (step === 'begin') void wakeup[way](100).then(() => (ended = true))
    await clock.advance(step === 'time' ? 100 : step === 'little time' ? 99 : 0)
    seen.push(ended)
  }
  // Nothing is left behind.
  expect(clock.waiting).toBe(seen.at(-1) === true ? 0 : 1)
  return seen
}

test.each<[Way, readonly string[], readonly boolean[]]>([
  ['wait', ['begin', 'little time'], [false, false]],
  ['wait', ['begin', 'time'], [false, true]],
  ['wait', ['begin', 'wake'], [false, true]],
  ['wait', ['begin', 'stop'], [false, true]],
  ['wait', ['arm', 'wake', 'begin'], [false, false, true]],
  ['wait', ['wake', 'arm', 'begin', 'wake'], [false, false, false, true]],
  ['wait', ['stop', 'begin'], [false, true]],
  ['sleep', ['begin', 'wake', 'little time'], [false, false, false]],
  ['sleep', ['begin', 'wake', 'time'], [false, false, true]],
  ['sleep', ['begin', 'stop'], [false, true]],
])('Wakeup.%s() after %j ends as %j', async (way, steps, want) => {
  expect(await ends(way, steps)).toEqual(want)
})

test.each([0, -5])('Wakeup.wait(%i) does not wait', async (ms) => {
  const clock = new ManualClock()
  await new Wakeup(clock, new AbortController().signal).wait(ms)
  expect(clock.waiting).toBe(0)
})
