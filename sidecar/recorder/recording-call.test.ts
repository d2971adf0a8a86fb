import { EventEmitter } from 'node:events'
import { status } from '@grpc/grpc-js'
import { beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { toServiceError } from '../../proto/fault-status.ts'
import { SessionEnding } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import type { RecordMessage } from '../../proto/record-codec.ts'
import type { SessionFailure } from '../../proxy/session/session-recorder.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { type RecordCall, RecordingCall } from './recording-call.ts'
import { AllUnstored } from './unstored.ts'

/** A call of which the test is the control plane. */
class FakeCall extends EventEmitter {
  readonly sent: RecordMessage['message'][] = []
  isCancelled = false
  isEnded = false

  write({ message }: RecordMessage): void {
    this.sent.push(message)
  }

  cancel(): void {
    this.isCancelled = true
  }

  end(): void {
    this.isEnded = true
  }

  answer(name: string, value: object = {}): void {
    this.emit('data', { message: { case: name, value } })
  }

  stored(number: number): void {
    this.answer('stored', { number: BigInt(number) })
  }

  /** Cases of what was sent, in order. */
  get cases(): (string | undefined)[] {
    return this.sent.map((message) => message?.case)
  }
}

let clock: ManualClock
let call: FakeCall
let unstored: AllUnstored
let failures: SessionFailure[]

beforeEach(() => {
  clock = new ManualClock()
  call = new FakeCall()
  unstored = new AllUnstored()
  failures = []
})

const opening = () =>
  RecordingCall.open({
    ...{ call: call as unknown as RecordCall, clock, unstored },
    ...{ decisionId: 'decision-1', protocol: 'v5.channel.k8s.io', level: 'output' },
    garbage: { passed: () => undefined },
    ...{ openMs: 5_000, lineMs: 1_000 },
  })

async function open(): Promise<RecordingCall> {
  const opened = opening()
  call.answer('opened')
  const recording = await opened
  recording.onCut((failure) => failures.push(failure))
  return recording
}

const output = (bytes: number) => ({ kind: 'output', bytes: Buffer.alloc(bytes) }) as const

/** Whether more may be shown, by now. */
async function isRoomy(recording: RecordingCall): Promise<boolean> {
  let roomy = false
  void (recording.room() ?? Promise.resolve()).then(() => {
    roomy = true
  })
  await clock.advance(0)
  return roomy
}

describe('RecordingCall.open()', () => {
  test('asks for the record of the decision, and resolves once it is open', async () => {
    await open()
    expect(call.sent).toMatchObject([
      { case: 'begin', value: { decisionId: 'decision-1', protocol: 'v5.channel.k8s.io' } },
    ])
    expect(clock.waiting).toBe(0)
  })

  test.each([
    ['overloaded', new Fault('overloaded', 'full'), 'overloaded'],
    ['no fault of it', new Fault('config_invalid', 'x'), 'audit_unavailable'],
  ] as const)('throws what the control plane says: %s', async (_name, fault, code) => {
    const opened = opening()
    call.emit('error', toServiceError(fault))
    await expect(opened).rejects.toMatchObject({ code })
  })

  test.each([
    ['breaks', () => call.emit('error', { code: status.UNAVAILABLE, details: 'gone' })],
    ['ends', () => call.emit('end')],
  ])('throws audit_unavailable for a call that %s', async (_name, end) => {
    const opened = opening()
    end()
    await expect(opened).rejects.toMatchObject({ code: 'audit_unavailable' })
    expect(call.isCancelled).toBe(true)
  })
})

describe('RecordingCall', () => {
  test('numbers chunks, says when each was, and keeps room until 1 MiB are not stored', async () => {
    const recording = await open()
    await clock.advance(7)
    for (let count = 0; count < 15; count += 1) recording.add([output(65_536)])
    expect(await isRoomy(recording)).toBe(true)
    recording.add([output(65_536)])
    expect(await isRoomy(recording)).toBe(false)
    expect(call.sent.at(-1)).toMatchObject({ value: { number: 16n, events: [{ atUs: 7_000n }] } })
    call.stored(1)
    expect(await isRoomy(recording)).toBe(true)
  })

  test('has no room while anything is not stored for longer than 500 ms', async () => {
    const recording = await open()
    recording.add([output(1)])
    await clock.advance(501)
    expect(await isRoomy(recording)).toBe(false)
    call.stored(1)
    expect(await isRoomy(recording)).toBe(true)
  })

  test('gives a session up of which nothing is stored for 30 s', async () => {
    const recording = await open()
    recording.add([output(5_000_000)])
    expect(await isRoomy(recording)).toBe(false)
    await clock.advance(29_999)
    expect(failures).toEqual([])
    await clock.advance(1)
    expect(failures).toMatchObject([{ ending: 'unrecorded', fault: { code: 'audit_unavailable' } }])
    expect([call.isCancelled, unstored.bytes]).toEqual([true, 0])
    await recording.over
  })

  test.each([
    ['a person', SessionEnding.CUT, 'cut', 'permission_denied'],
    ['a revocation', SessionEnding.REVOKED, 'revoked', 'permission_denied'],
    ['the store', SessionEnding.UNRECORDED, 'unrecorded', 'audit_unavailable'],
    ['what only a newer control plane knows', 99, 'cut', 'permission_denied'],
  ])('ends when %s cuts it, once, with the reason', async (_name, said, ending, code) => {
    await open()
    call.answer('cut', { ending: said, reason: 'enough' })
    call.answer('cut', { ending: SessionEnding.CUT, reason: 'again' })
    expect(failures).toMatchObject([{ ending, fault: { code, message: 'enough' } }])
  })

  test('tells of a cut that came before anybody listened', async () => {
    const opened = opening()
    call.answer('opened')
    call.answer('cut', { ending: SessionEnding.CUT, reason: 'enough' })
    const recording = await opened
    recording.onCut((failure) => failures.push(failure))
    expect(failures).toHaveLength(1)
  })

  test('ends the session when the record breaks off', async () => {
    const recording = await open()
    recording.add([output(9)])
    call.emit('end')
    expect(failures).toMatchObject([{ ending: 'unrecorded' }])
    recording.add([output(9)])
    recording.end('finished', '')
    expect([call.cases, unstored.bytes]).toEqual([['begin', 'chunk'], 0])
    await recording.over
  })
})

describe('RecordingCall.end()', () => {
  test('says how it ended after all else, and is over once the control plane has that', async () => {
    const recording = await open()
    recording.add([output(9)])
    recording.end('finished', 'bye')
    recording.end('cut', 'again')
    recording.add([output(9)])
    expect(call.cases).toEqual(['begin', 'chunk', 'end'])
    expect(call.sent.at(-1)).toMatchObject({
      value: { ending: SessionEnding.FINISHED, reason: 'bye' },
    })
    let over = false
    void recording.over.then(() => {
      over = true
    })
    await clock.advance(9_999)
    expect([over, call.isCancelled]).toEqual([false, false])
    call.emit('end')
    await recording.over
    expect(failures).toEqual([])
    expect(clock.waiting).toBe(0)
  })

  test('gives up after 10 s without an answer', async () => {
    const recording = await open()
    recording.end('finished', '')
    await clock.advance(10_000)
    expect(call.isCancelled).toBe(true)
  })
})

describe('RecordingCall.judgeLine()', () => {
  test('takes the verdict about this line, and none that came too late', async () => {
    const recording = await open()
    const late = recording.judgeLine(Buffer.from('ls'))
    await clock.advance(1_000)
    expect(await late).toMatchObject({ passes: false })
    const asked = recording.judgeLine(Buffer.from('pwd'))
    call.answer('verdict', { number: 1n, passes: true, reason: '' })
    call.answer('verdict', { number: 2n, passes: false, reason: 'denied' })
    expect(await asked).toMatchObject({ passes: false, reason: 'denied' })
  })

  test('passes no second line while one is judged, and none once the session is over', async () => {
    const recording = await open()
    const first = recording.judgeLine(Buffer.from('ls'))
    expect(await recording.judgeLine(Buffer.from('rm'))).toMatchObject({ passes: false })
    recording.end('finished', '')
    expect(await first).toMatchObject({ passes: false })
    expect(await recording.judgeLine(Buffer.from('ls'))).toMatchObject({ passes: false })
  })
})
