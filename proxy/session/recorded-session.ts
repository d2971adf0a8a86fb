import { type Duplex, Transform, type TransformCallback } from 'node:stream'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import { faultStatus } from '../../core/kubernetes/status.ts'
import {
  endedText,
  type RecordingLevel,
  type SessionEnding,
} from '../../core/recording/session-event.ts'
import { CommandInput, inputWire } from './command-input.ts'
import { openLineGate } from './line-gate.ts'
import type { Observation } from './observation.ts'
import { commandCoding, observeTunnel, type TunnelKind } from './observe-tunnel.ts'
import type { SessionFailure, SessionRecorder } from './session-recorder.ts'
import { SessionWay } from './session-way.ts'
import type { TunnelObserver } from './tunnel-observer.ts'
import { Unreadable } from './unreadable.ts'

export interface RecordedSessionOptions {
  readonly level: RecordingLevel
  readonly recorder: SessionRecorder
  readonly kind: TunnelKind
  /** Where each line that is typed is judged before it is sent. */
  readonly lines?: JudgedLines | undefined
  /** Told once when the session must end: what passes from then on is thrown away. */
  readonly onFailed: (fault: Fault) => void
}

/** The fault of who sent what cannot be read. */
type Sender = 'request_invalid' | 'upstream_failed'

/** How typed lines are judged, and where the caller is told of a stopped line. */
export interface JudgedLines {
  readonly isTerminal: boolean
  readonly tellOn: 'output' | 'error_output'
}

/**
 * One tunnel on record. Bytes go through `request` and `response` unchanged, in the turn of the event loop in which what
 * they say is sent to the recorder, and no faster than the recorder stores. What cannot be read, and what cannot be stored, ends the session.
 */
export class RecordedSession {
  /** From the caller to the API server. */
  readonly request: Duplex
  /** From the API server to the caller. */
  readonly response: Duplex
  readonly #options: RecordedSessionOptions
  readonly #observer: TunnelObserver
  /** What the caller sends, where typed lines are judged. */
  readonly #input: CommandInput | undefined
  /** What the caller is still to be told. */
  readonly #untold: Buffer[] = []
  #events: Observation[] = []
  #failure: SessionFailure | undefined
  #hasExited = false
  /** Which side ended first. */
  #gone: 'caller_gone' | 'upstream_gone' | undefined
  #isOver = false
  /** Whether the caller has whole frames, as far as the API server was understood. */
  #canSayFarewell = true

  /** Throws a Fault for a protocol that cannot be recorded. */
  constructor(options: RecordedSessionOptions) {
    const { level, kind, recorder } = options
    this.#options = options
    const emit = (event: Observation) => {
      this.#events.push(event)
      if (event.kind === 'exit') this.#hasExited = true
    }
    try {
      this.#observer = observeTunnel(kind, { level, emit })
    } catch (error) {
      throw unreadable(error, 'API server chose', 'upstream_failed')
    }
    this.#input = this.#judgeInput()
    recorder.add(this.#takeEvents())
    recorder.onCut((failure) => this.fail(failure))
    this.request = this.#passRequest()
    this.response = this.#passResponse()
  }

  #judgeInput(): CommandInput | undefined {
    const { kind, lines, recorder } = this.#options
    if (lines === undefined) return undefined
    const coding = commandCoding(kind.subprotocol) ?? { base64: false, closes: false }
    const gate = openLineGate({
      isTerminal: lines.isTerminal,
      judge: (line) => recorder.judgeLine(line),
      onStopped: (reason) => this.#tellStopped(reason, lines),
    })
    return new CommandInput(inputWire(kind.protocol, coding), gate)
  }

  #passRequest(): Transform {
    const { recorder } = this.#options
    const pass = (chunk: Buffer, done: TransformCallback) => {
      if (!this.#read(() => this.#observer.fromCaller(chunk), 'request_invalid')) {
        done()
        return
      }
      recorder.add(this.#takeEvents())
      if (this.#input === undefined) done(null, chunk)
      else void this.#forward(this.#input.pass(chunk), done)
    }
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const room = recorder.room()
        if (room === undefined) pass(chunk, done)
        else void room.then(() => pass(chunk, done))
      },
      flush: (done) => {
        this.#gone ??= 'caller_gone'
        if (this.#input === undefined) done()
        else void this.#forward(this.#input.end(), done)
      },
    })
  }

  /** What comes in one turn of the event loop is sent to the recorder in the same turn, after it went to the caller. */
  #passResponse(): SessionWay {
    const { recorder } = this.#options
    return new SessionWay({
      room: () => recorder.room(),
      read: (piece) => this.#read(() => this.#observer.fromServer(piece), 'upstream_failed'),
      pushed: () => this.#tell(),
      passed: () => recorder.add(this.#takeEvents()),
      ended: () => {
        this.#gone ??= 'upstream_gone'
      },
    })
  }

  /** Whether what was sent may pass. What cannot be read ends the session, and nobody gets it. */
  #read(observe: () => void, code: Sender): boolean {
    if (this.#isEnding) return false
    const before = this.#events.length
    try {
      observe()
      return true
    } catch (error) {
      // So it is not on record either.
      this.#events.length = before
      this.#canSayFarewell &&= code === 'request_invalid'
      const who = code === 'request_invalid' ? 'client sent' : 'API server sent'
      this.fail({ fault: unreadable(error, who, code), ending: 'unreadable' })
      return false
    }
  }

  /** What of the caller's bytes may go on, while the session does. */
  async #forward(pieces: AsyncGenerator<Buffer>, done: TransformCallback): Promise<void> {
    try {
      for await (const piece of pieces) if (!this.#isEnding) this.request.push(piece)
    } catch (error) {
      // Recorded: what cannot be judged is not sent, and neither is what follows.
      this.fail({ fault: Fault.from(error), ending: 'unrecorded' })
    }
    done()
  }

  #tellStopped(reason: string, { isTerminal }: JudgedLines): void {
    if (this.#isEnding) return
    const said = escapeText(reason)
    this.#options.recorder.add([{ kind: 'marker', text: `a typed line was not sent: ${said}` }])
    const text = `lanyard: this line was not sent: ${said}`
    this.#untold.push(Buffer.from(isTerminal ? `\r\n${text}\r\n` : `${text}\n`))
    this.#tell()
  }

  /** Tells the caller among the output of the command what waits to be told, which is on record as it is told. */
  #tell(): void {
    const { lines, recorder } = this.#options
    for (let [text] = this.#untold; text !== undefined; [text] = this.#untold) {
      const where = lines?.tellOn ?? 'output'
      const frame = this.response.writableEnded ? undefined : this.#observer.say?.(text, where)
      if (frame === undefined) return
      this.#untold.shift()
      recorder.add([...this.#takeEvents(), { kind: where, bytes: text }])
      this.response.push(frame)
    }
  }

  get #isEnding(): boolean {
    return this.#isOver || this.#failure !== undefined
  }

  /** Ends the session for a reason that the caller is to be told. */
  fail(failure: SessionFailure): void {
    if (this.#isEnding) return
    this.#failure = failure
    const { ending, fault } = failure
    const marker = { kind: 'marker' as const, text: endedText(ending, fault.message) }
    this.#options.recorder.add([...this.#takeEvents(), marker])
    this.#options.onFailed(failure.fault)
  }

  /** Tells the caller why the session failed, as far as its protocol can, and ends what goes to the caller. */
  sayFarewell(): void {
    const { fault } = this.#failure ?? {}
    if (fault === undefined || this.response.destroyed) return
    const why = { status: JSON.stringify(faultStatus(fault)), message: fault.message }
    const told = this.#canSayFarewell ? this.#observer.farewell(why) : Buffer.alloc(0)
    if (told.length > 0) this.response.push(told)
    this.response.push(null)
  }

  /** Both ways are over. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { recorder } = this.#options
    this.#observer.finish()
    recorder.add(this.#takeEvents())
    recorder.end(this.#ending(), this.#failure?.fault.message ?? '')
    this.request.destroy()
    this.response.destroy()
  }

  #ending(): SessionEnding {
    if (this.#failure !== undefined) return this.#failure.ending
    if (this.#hasExited || this.#options.kind.upgrade === 'portforward') return 'finished'
    return this.#gone ?? 'caller_gone'
  }

  #takeEvents(): readonly Observation[] {
    const events = this.#events
    this.#events = []
    return events
  }
}

function unreadable(error: unknown, who: string, code: Sender): Fault {
  if (!(error instanceof Unreadable)) return Fault.from(error)
  const message = `This session is recorded, and the ${who} what cannot be recorded: ${error.message}`
  return new Fault(code, message)
}
