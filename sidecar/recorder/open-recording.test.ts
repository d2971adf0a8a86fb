import { EventEmitter } from 'node:events'
import { beforeEach, expect, test, vi } from 'vitest'
import type { Permit } from '../../proxy/judgement/authorize.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import type { ControlPlaneChannel } from '../authorizer/control-plane-channel.ts'
import { openRecording } from './open-recording.ts'
import { OpenRecordings } from './open-recordings.ts'
import type { RecordCall } from './recording-call.ts'

const permit = {
  ...{ decisionId: 'decision-1', record: 'output' },
  request: { protocol: 'websocket' },
} as Permit

/** A call that a control plane does not answer by itself. */
class SilentCall extends EventEmitter {
  readonly write = vi.fn()
  readonly cancel = vi.fn()
  readonly end = vi.fn()

  answer(message: object): void {
    this.emit('data', { message })
  }
}

let clock: ManualClock
let call: SilentCall
beforeEach(() => {
  clock = new ManualClock()
  call = new SilentCall()
})

/** How the opening ended, if it has. */
function open(timeoutMs: number) {
  const clientOf = (() => ({
    record: () => call as unknown as RecordCall,
  })) as unknown as ControlPlaneChannel['clientOf']
  const opened = openRecording(
    { clientOf, session: 's', timeoutMs, clock, open: new OpenRecordings(clock) },
    permit,
  )
  const seen: string[] = []
  opened.then(
    () => void seen.push('opened'),
    (error: { code?: string }) => void seen.push(error.code ?? ''),
  )
  return { opened, seen }
}

test.each([
  [5_000, 30_000],
  [29_999, 30_000],
  [30_000, 30_000],
  [45_000, 45_000],
])(
  'openRecording() with a deadline of %i ms for decisions waits %i ms for the disk',
  async (timeoutMs, openMs) => {
    const { seen } = open(timeoutMs)
    await clock.advance(openMs - 1)
    expect(seen).toEqual([])
    expect(call.cancel).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(seen).toEqual(['audit_unavailable'])
    expect(call.cancel).toHaveBeenCalledOnce()
  },
)

test('openRecording() opens when the control plane says so at the last moment, and nothing waits on', async () => {
  const { seen } = open(5_000)
  await clock.advance(29_999)
  call.answer({ case: 'opened', value: {} })
  await clock.advance(60_000)
  expect(seen).toEqual(['opened'])
  expect(call.cancel).not.toHaveBeenCalled()
  expect(clock.waiting).toBe(0)
})

test('judgeLine() does not pass a line that was not judged within the deadline of decisions', async () => {
  const { opened } = open(5_000)
  call.answer({ case: 'opened', value: {} })
  const recording = await opened
  const verdicts: boolean[] = []
  void recording.judgeLine(Buffer.from('ls')).then(({ passes }) => verdicts.push(passes))
  await clock.advance(4_999)
  expect(verdicts).toEqual([])
  await clock.advance(1)
  expect(verdicts).toEqual([false])
})
