import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import { Fault, type FaultCode } from '../../core/fault.ts'
import type { RecordingLevel, SessionEnding } from '../../core/recording/session-event.ts'
import type { BufferGarbage } from '../../platform/buffer-garbage.ts'
import type { Clock } from '../../platform/clock.ts'
import { fromServiceError, relayedFault } from '../../proto/fault-status.ts'
import type { RecordResponse, SessionCut } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import type { RecordMessage } from '../../proto/record-codec.ts'
import {
  endingFromMessage,
  endingToMessage,
  levelToMessage,
  sessionEventToMessage,
} from '../../proto/session-event-message.ts'
import type { Observation } from '../../proxy/session/observation.ts'
import type {
  LineVerdict,
  SessionFailure,
  SessionRecorder,
} from '../../proxy/session/session-recorder.ts'
import { chunkEvents } from './chunk-events.ts'
import { type AllUnstored, Unstored } from './unstored.ts'

/** The call of one session. */
export type RecordCall = ClientDuplexStream<RecordMessage, RecordResponse>

export interface RecordingCallOptions {
  readonly call: RecordCall
  readonly decisionId: string
  /** For readers of the recording. */
  readonly protocol: string
  readonly level: RecordingLevel
  readonly clock: Clock
  /** Of all sessions of the process. */
  readonly garbage: Pick<BufferGarbage, 'passed'>
  readonly unstored: AllUnstored
  /** In which the control plane must open the record. */
  readonly openMs: number
  /** In which it must judge a line. */
  readonly lineMs: number
}

/** A session that waits for longer than this to be stored has a store that is gone. */
const STALLED_MS = 30_000
/** In which the last chunks are stored; then the call is given up. */
const END_MS = 10_000
/** What a control plane may say of a record that it does not open. */
const RELAYED: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'audit_unavailable',
  'decision_unavailable',
  'overloaded',
  'permission_denied',
  'request_invalid',
])

const UNJUDGED: LineVerdict = {
  passes: false,
  reason: 'the control plane did not judge it in time; try again',
}

/**
 * One session on its way to the control plane, over a gRPC call of its own. Shown is what was sent; once 1 MiB, or
 * anything for 500 ms, is not known to be stored, there is no room until there is word (docs/adr/0011).
 */
export class RecordingCall implements SessionRecorder {
  readonly #options: RecordingCallOptions
  readonly #unstored: Unstored
  readonly #begunMs: number
  readonly #opened = Promise.withResolvers<void>()
  #waiting: PromiseWithResolvers<void> | undefined
  #cancelStalled: (() => void) | undefined
  #cancelEnd: (() => void) | undefined
  #cut: ((failure: SessionFailure) => void) | undefined
  #failure: SessionFailure | undefined
  #state: 'opening' | 'open' | 'ended' | 'over' = 'opening'
  readonly #over = Promise.withResolvers<void>()
  #lastNumber = 0n
  #lastLine = 0n
  #line: PromiseWithResolvers<LineVerdict> | undefined

  private constructor(options: RecordingCallOptions) {
    const { call, clock, unstored } = options
    this.#options = options
    this.#unstored = new Unstored(clock, unstored)
    this.#begunMs = clock.monotonicMs()
    call.on('data', (reply) => this.#receive(reply))
    call.on('error', (error: ServiceError) => this.#stop(error))
    call.on('end', () => this.#stop())
  }

  /** Opens the record of a session. Throws why the control plane keeps none; then the call is over. */
  static async open(options: RecordingCallOptions): Promise<RecordingCall> {
    const { call, clock, decisionId, level, openMs, protocol } = options
    const recording = new RecordingCall(options)
    const cancel = clock.after(openMs, () => {
      recording.#opened.reject(
        new Fault(
          'audit_unavailable',
          'The control plane did not begin to record in time; try again',
        ),
      )
      call.cancel()
    })
    const value = { decisionId, protocol, level: levelToMessage(level) }
    call.write({ message: { case: 'begin', value } })
    try {
      await recording.#opened.promise
    } finally {
      cancel()
    }
    return recording
  }

  /** Resolves once the end of the session is on record, or the record cannot be continued. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  room(): Promise<void> | undefined {
    if (this.#state !== 'open' || this.#unstored.isRoomy) return undefined
    const { clock } = this.#options
    this.#cancelStalled ??= clock.after(STALLED_MS, () => {
      this.#stop(new Error(`Nothing was stored within ${STALLED_MS} ms`))
    })
    this.#waiting ??= Promise.withResolvers<void>()
    return this.#waiting.promise
  }

  add(events: readonly Observation[]): void {
    if (this.#state !== 'open') return
    const atUs = Math.floor((this.#options.clock.monotonicMs() - this.#begunMs) * 1_000)
    for (const chunk of chunkEvents(events, atUs)) {
      this.#lastNumber += 1n
      this.#unstored.add(this.#lastNumber, chunk.bytes)
      this.#options.garbage.passed(chunk.bytes)
      const value = { number: this.#lastNumber, events: chunk.events.map(sessionEventToMessage) }
      this.#options.call.write({ message: { case: 'chunk', value } })
    }
  }

  async judgeLine(line: Buffer): Promise<LineVerdict> {
    if (this.#state !== 'open' || this.#line !== undefined) return UNJUDGED
    this.#lastLine += 1n
    const asked = Promise.withResolvers<LineVerdict>()
    this.#line = asked
    const { call, clock, lineMs } = this.#options
    const cancel = clock.after(lineMs, () => this.#judged(UNJUDGED))
    call.write({ message: { case: 'line', value: { number: this.#lastLine, line } } })
    try {
      return await asked.promise
    } finally {
      cancel()
    }
  }

  #judged(verdict: LineVerdict): void {
    this.#line?.resolve(verdict)
    this.#line = undefined
  }

  onCut(cut: (failure: SessionFailure) => void): void {
    this.#cut = cut
    if (this.#failure !== undefined) cut(this.#failure)
  }

  end(ending: SessionEnding, reason: string): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#wake()
    this.#judged(UNJUDGED)
    const { call, clock } = this.#options
    this.#cancelEnd = clock.after(END_MS, () => call.cancel())
    call.write({ message: { case: 'end', value: { ending: endingToMessage(ending), reason } } })
    call.end()
  }

  #receive({ message }: RecordResponse): void {
    if (message.case === 'opened' && this.#state === 'opening') {
      this.#state = 'open'
      this.#opened.resolve()
    } else if (message.case === 'stored') {
      this.#unstored.stored(message.value.number)
      if (this.#unstored.isRoomy) this.#wake()
    } else if (message.case === 'verdict') {
      // One that came too late is not about the line that is asked now.
      if (message.value.number === this.#lastLine) this.#judged(message.value)
    } else if (message.case === 'cut') this.fail(toFailure(message.value))
  }

  /** Nothing is waited for any longer. */
  #wake(): void {
    this.#cancelStalled?.()
    this.#cancelStalled = undefined
    this.#waiting?.resolve()
    this.#waiting = undefined
  }

  /** Ends the session for a reason that does not come from its own two sides. */
  fail(failure: SessionFailure): void {
    if (this.#state === 'ended' || this.#failure !== undefined) return
    this.#failure = failure
    this.#cut?.(failure)
    this.#wake()
  }

  #stop(error?: Error): void {
    if (this.#state === 'over') return
    const wasOpening = this.#state === 'opening'
    if (wasOpening) this.#opened.reject(refusal(error))
    else {
      const text =
        'This session is recorded, and the record cannot be continued, so the session ends; open another'
      const fault = new Fault('audit_unavailable', text, { cause: error })
      this.fail({ fault, ending: 'unrecorded' })
    }
    this.#state = 'over'
    this.#unstored.close()
    this.#cancelEnd?.()
    this.#wake()
    this.#judged(UNJUDGED)
    this.#options.call.cancel()
    this.#over.resolve()
  }
}

/** Why the control plane does not record, so that the session must not begin. */
function refusal(error: Error | undefined): Fault {
  const known = error === undefined ? undefined : fromServiceError(error as ServiceError)
  if (known !== undefined) {
    return relayedFault(known.code, known.message, RELAYED, 'audit_unavailable')
  }
  const text = 'This session has to be recorded, and the control plane cannot record now; try again'
  return new Fault('audit_unavailable', text, { cause: error })
}

function toFailure({ ending, reason }: SessionCut): SessionFailure {
  const isStore = endingFromCut(ending) === 'unrecorded'
  const text = reason || 'The control plane ended this session'
  return {
    fault: new Fault(isStore ? 'audit_unavailable' : 'permission_denied', text),
    ending: endingFromCut(ending),
  }
}

function endingFromCut(ending: SessionCut['ending']): SessionEnding {
  try {
    return endingFromMessage(ending)
  } catch {
    // Converted: an ending of a newer version ends the session too.
    return 'cut'
  }
}
