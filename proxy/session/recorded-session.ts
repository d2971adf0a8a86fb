import { type Duplex, Transform, type TransformCallback } from 'node:stream'
import { Fault } from '../../core/fault.ts'
import { faultStatus } from '../../core/kubernetes/status.ts'
import type { RecordingLevel, SessionEnding } from '../../core/recording/session-event.ts'
import type { Observation } from './observation.ts'
import { observeTunnel, type TunnelKind } from './observe-tunnel.ts'
import type { SessionFailure, SessionRecorder } from './session-recorder.ts'
import type { TunnelObserver } from './tunnel-observer.ts'
import { Unreadable } from './unreadable.ts'

export interface RecordedSessionOptions {
  readonly level: RecordingLevel
  readonly recorder: SessionRecorder
  readonly kind: TunnelKind
  /** Told once when the session must end: what passes from then on is thrown away. */
  readonly onFailed: (fault: Fault) => void
}

/**
 * One tunnel on record. Bytes go through `request` and `response` unchanged, each after what they say was sent to the
 * recorder, and no faster than the recorder stores. What cannot be read, and what cannot be stored, ends the session.
 */
export class RecordedSession {
  /** From the caller to the API server. */
  readonly request: Duplex
  /** From the API server to the caller. */
  readonly response: Duplex
  readonly #options: RecordedSessionOptions
  readonly #observer: TunnelObserver
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
    recorder.add(this.#takeEvents())
    recorder.onCut((failure) => this.fail(failure))
    this.request = this.#pass(
      (chunk) => this.#observer.fromCaller(chunk),
      ['client sent', 'request_invalid'],
    )
    this.response = this.#pass(
      (chunk) => this.#observer.fromServer(chunk),
      ['API server sent', 'upstream_failed'],
    )
  }

  #pass(
    observe: (chunk: Buffer) => void,
    [who, code]: readonly [string, 'request_invalid' | 'upstream_failed'],
  ): Transform {
    const pass = (chunk: Buffer, done: TransformCallback) => {
      if (this.#isEnding) {
        done()
        return
      }
      try {
        observe(chunk)
        this.#options.recorder.add(this.#takeEvents())
        done(null, chunk)
      } catch (error) {
        // Nobody gets these bytes, so they are not on record either.
        this.#takeEvents()
        this.#canSayFarewell &&= code === 'request_invalid'
        done()
        this.fail({ fault: unreadable(error, who, code), ending: 'unreadable' })
      }
    }
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const room = this.#options.recorder.room()
        if (room === undefined) pass(chunk, done)
        else void room.then(() => pass(chunk, done))
      },
      flush: (done) => {
        this.#gone ??= code === 'request_invalid' ? 'caller_gone' : 'upstream_gone'
        done()
      },
    })
  }

  get #isEnding(): boolean {
    return this.#isOver || this.#failure !== undefined
  }

  /** Ends the session for a reason that the caller is to be told. */
  fail(failure: SessionFailure): void {
    if (this.#isEnding) return
    this.#failure = failure
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

function unreadable(
  error: unknown,
  who: string,
  code: 'request_invalid' | 'upstream_failed',
): Fault {
  if (!(error instanceof Unreadable)) return Fault.from(error)
  const message = `This session is recorded, and the ${who} what cannot be recorded: ${error.message}`
  return new Fault(code, message)
}
