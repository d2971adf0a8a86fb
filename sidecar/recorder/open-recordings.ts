import { Fault } from '../../core/fault.ts'
import type { Clock } from '../../platform/clock.ts'
import type { SessionFailure } from '../../proxy/session/session-recorder.ts'
import type { RecordingCall } from './recording-call.ts'

/** How long the last words of sessions may take when the pod ends. */
const DRAIN_MS = 2_500

/** A session on its way to the control plane, as far as its process has to know. */
export type SentSession = Pick<RecordingCall, 'fail' | 'over'>

/** The sessions of a process that are being recorded: before it ends, all that they said is put on record. */
export class OpenRecordings {
  readonly #clock: Clock
  readonly #open = new Set<SentSession>()
  #drained: SessionFailure | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(recording: SentSession): void {
    this.#open.add(recording)
    void recording.over.then(() => this.#open.delete(recording))
    if (this.#drained !== undefined) recording.fail(this.#drained)
  }

  /** Ends every session, with a reason that is on record and that its caller is told. Resolves as `flushed`. */
  async drain(): Promise<void> {
    const text = 'The pod ends, and this session with it'
    this.#drained = { fault: new Fault('upstream_unavailable', text), ending: 'drained' }
    for (const recording of this.#open) recording.fail(this.#drained)
    await this.flushed()
  }

  /** Resolves once the end of each session is on record, at most after 2.5 s. */
  async flushed(): Promise<void> {
    if (this.#open.size === 0) return
    const late = Promise.withResolvers<void>()
    const cancel = this.#clock.after(DRAIN_MS, late.resolve)
    const over = Promise.all([...this.#open].map((recording) => recording.over))
    await Promise.race([over, late.promise])
    cancel()
  }
}
