import type { MessageInitShape } from '@bufbuild/protobuf'
import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js'
import { Fault } from '../../core/fault.ts'
import type { RecordingLevel, SessionEnding } from '../../core/recording/session-event.ts'
import { BufferGarbage } from '../../platform/buffer-garbage.ts'
import type { Clock } from '../../platform/clock.ts'
import { createCollector } from '../../platform/collect-garbage.ts'
import type { Logger } from '../../platform/logger.ts'
import { toServiceError } from '../../proto/fault-status.ts'
import type {
  RecordingService,
  RecordRequest,
  RecordResponseSchema,
  SessionBegin,
  SessionChunk,
  SessionEnd,
  TypedLine,
} from '../../proto/gen/lanyard/v1/recording_pb.ts'
import type { GrpcHandlers } from '../../proto/grpc-service.ts'
import { endingFromMessage, endingToMessage } from '../../proto/session-event-message.ts'
import type { ControlPlaneMetrics } from '../control-plane-metrics.ts'
import type { Session, Sessions } from '../sessions.ts'
import type { AuditEventReader } from '../store/audit-event-store.ts'
import type { RecordingStore } from '../store/recording-store.ts'
import { admitRecording } from './admit-recording.ts'
import { checkChunk } from './check-chunk.ts'
import { bearerToken } from './grpc-fault.ts'
import { LineJudge, type LineJudgeDeps } from './line-judge.ts'
import type { LiveRecordings, SessionCutCause } from './live-recordings.ts'
import type { RecordingRoom } from './recording-room.ts'
import { type SessionReads, UnstoredSessions } from './unstored-sessions.ts'

type Reply = MessageInitShape<typeof RecordResponseSchema>
type RecordStream = ServerDuplexStream<RecordRequest, Reply>

/** Of all sessions; in so many bytes what they allocate is several times as much. */
const COLLECT_BYTES = 8 * 1_024 * 1_024
/** Sessions of one pod, and of all, that are recorded at the same time. */
const PER_POD_MAX = 256
const ALL_MAX = 2_048
/** A sidecar that is told to end a session says how it ended; one that does not is not waited for. */
const CUT_MS = 2_000
const REASON_MAX = 1_024
/** Said by the control plane only. */
const OWN_ENDINGS: readonly SessionEnding[] = ['lost', 'interrupted']

export interface RecordingServiceDeps extends LineJudgeDeps {
  readonly recordings: RecordingStore
  readonly auditEvents: Pick<AuditEventReader, 'get'>
  readonly sessions: Pick<Sessions, 'find'>
  readonly live: LiveRecordings
  readonly room: RecordingRoom
  readonly metrics: Pick<ControlPlaneMetrics, 'recordedBytes' | 'refusedRecordings'>
  readonly logger: Logger
  readonly clock: Clock
}

interface SharedDeps extends RecordingServiceDeps {
  readonly garbage: BufferGarbage
  readonly unstored: UnstoredSessions
}

/** Records the sessions of enrolled pods, one call for each. */
export function createRecordingService(
  deps: RecordingServiceDeps,
): GrpcHandlers<typeof RecordingService> {
  const garbage = new BufferGarbage(createCollector(), COLLECT_BYTES)
  const shared: SharedDeps = { ...deps, garbage, unstored: new UnstoredSessions() }
  return {
    record(call) {
      try {
        const session = deps.sessions.find(bearerToken(call.metadata))
        call.sendMetadata(new Metadata())
        new SessionRecording(call, session, shared).serve()
      } catch (error) {
        call.emit('error', toServiceError(Fault.from(error)))
      }
    },
  }
}

/** What is known of a session that has begun. */
interface Begun {
  readonly id: string
  readonly level: RecordingLevel
  readonly atMs: number
}

/** One session: its messages in their order, each stored before it is acknowledged. */
class SessionRecording {
  readonly #call: RecordStream
  readonly #session: Session
  readonly #deps: SharedDeps
  #state: 'new' | 'beginning' | 'open' | 'ending' | 'over' = 'new'
  #begun: Begun | undefined
  #lastUs = 0
  /** Resolves once what was sent is on disk, or is known not to be. */
  #chunks: Promise<unknown> = Promise.resolve()
  readonly #reads: SessionReads
  #stored = 0
  #cause: SessionCutCause | undefined
  #cancelCut: (() => void) | undefined
  #lines: LineJudge | undefined

  constructor(call: RecordStream, session: Session, deps: SharedDeps) {
    this.#call = call
    this.#session = session
    this.#deps = deps
    this.#reads = deps.unstored.open()
  }

  serve(): void {
    const call = this.#call
    // The stream would ask for sixteen messages of any size ahead. One that is given to it in a later turn is handled,
    // and so counted, before it asks for another.
    const read = call._read.bind(call)
    call._read = (size) => this.#reads.want(() => process.nextTick(read, size))
    call.on('data', (request: RecordRequest) => this.#read(request))
    for (const name of ['end', 'cancelled', 'error']) call.on(name, () => void this.#lose())
  }

  #read({ message }: RecordRequest): void {
    if (this.#state === 'over') return
    const work = this.#handle(message)
    work.catch((error: unknown) => this.#fail(error))
  }

  async #handle(message: RecordRequest['message']): Promise<void> {
    switch (message.case) {
      case 'begin':
        return this.#begin(message.value)
      case 'chunk':
        return this.#store(message.value)
      case 'end':
        return this.#end(message.value)
      case 'line':
        return this.#judge(message.value)
      default:
        throw new Fault('request_invalid', 'The message holds nothing that is known')
    }
  }

  async #begin(begin: SessionBegin): Promise<void> {
    if (this.#state !== 'new') throw new Fault('request_invalid', 'A session begins once')
    this.#state = 'beginning'
    const { recordings, auditEvents, live, room, clock } = this.#deps
    const { binding } = this.#session
    // Nothing else of it is read before it is known whether the session may begin.
    this.#call.pause()
    this.#reads.hold()
    await room.checkBegin()
    if (live.size() >= ALL_MAX || live.ofPod(binding.podUid) >= PER_POD_MAX) {
      throw new Fault(
        'overloaded',
        'Too many sessions are being recorded, of this pod or of all: end some, or try again later',
      )
    }
    const recording = await admitRecording(auditEvents, binding, begin, clock.nowMs())
    await recordings.begin(recording)
    const { id, level } = recording
    this.#begun = { id, level, atMs: clock.monotonicMs() }
    if (this.#isOver()) return this.#finish('lost', '')
    this.#state = 'open'
    live.add({ id, binding, cut: (why) => this.#cut(why) })
    this.#send({ message: { case: 'opened', value: {} } })
    this.#reads.release()
    this.#call.resume()
  }

  async #store(chunk: SessionChunk): Promise<void> {
    const begun = this.#requireOpen()
    const { room, recordings, clock, metrics, garbage } = this.#deps
    room.checkGoOn()
    const elapsedUs = (clock.monotonicMs() - begun.atMs) * 1_000
    const checked = checkChunk(chunk, { level: begun.level, afterUs: this.#lastUs, elapsedUs })
    const { number, lastUs, bytes } = checked
    this.#lastUs = lastUs
    this.#reads.came(bytes.length)
    const stored = recordings.append(begun.id, checked)
    this.#chunks = Promise.allSettled([this.#chunks, stored])
    try {
      await stored
    } finally {
      this.#reads.stored(bytes.length)
    }
    metrics.recordedBytes.inc(bytes.length)
    garbage.passed(bytes.length)
    this.#stored = number
    this.#send({ message: { case: 'stored', value: { number: BigInt(number) } } })
  }

  /** What cannot be judged is not sent. */
  #judge({ number, line }: TypedLine): void {
    const { id } = this.#requireOpen()
    const { logger } = this.#deps
    this.#lines ??= new LineJudge(this.#deps, this.#session.binding.podUid, id)
    let reason: string | undefined
    try {
      reason = this.#lines.refuse(line)
    } catch (error) {
      logger.warn({ error, id }, 'Cannot judge a typed line')
      reason = 'the control plane cannot judge it now; try again'
    }
    const value = { number, passes: reason === undefined, reason: reason ?? '' }
    this.#send({ message: { case: 'verdict', value } })
  }

  async #end({ ending: said, reason }: SessionEnd): Promise<void> {
    this.#requireOpen()
    const ending = endingFromMessage(said)
    if (OWN_ENDINGS.includes(ending)) {
      throw new Fault('request_invalid', 'A sidecar does not say so of its own session')
    }
    this.#state = 'ending'
    await this.#chunks
    if (this.#isOver()) return
    this.#state = 'over'
    // Whoever ended it from here knows better why.
    await this.#finish(this.#cause?.ending ?? ending, this.#cause?.reason ?? reason)
    this.#write({ message: { case: 'stored', value: { number: BigInt(this.#stored) } } })
    this.#call.end()
  }

  #requireOpen(): Begun {
    if (this.#begun === undefined || this.#state !== 'open') {
      throw new Fault('request_invalid', 'The session is not open: it begins first, and ends last')
    }
    return this.#begun
  }

  #cut(why: SessionCutCause): void {
    if (this.#state !== 'open' || this.#cause !== undefined) return
    this.#cause = why
    const { ending, reason } = why
    this.#send({ message: { case: 'cut', value: { ending: endingToMessage(ending), reason } } })
    this.#cancelCut = this.#deps.clock.after(CUT_MS, () => {
      if (this.#state === 'over') return
      this.#state = 'over'
      void this.#finish(ending, reason)
      this.#call.emit('error', toServiceError(new Fault('permission_denied', reason)))
    })
  }

  async #lose(): Promise<void> {
    if (this.#state === 'over' || this.#state === 'ending') return
    this.#state = 'over'
    const lost = 'the sidecar ended the recording without saying how the session ended'
    await this.#finish(this.#cause?.ending ?? 'lost', this.#cause?.reason ?? lost)
    if (!this.#call.writableEnded) this.#call.end()
  }

  #fail(error: unknown): void {
    if (this.#state === 'over') return
    const fault = Fault.from(error)
    const { metrics, logger } = this.#deps
    if (this.#begun === undefined) metrics.refusedRecordings.inc({ code: fault.code })
    const id = this.#begun?.id
    if (fault.code === 'internal') logger.error({ error, id }, 'A recording failed')
    else logger.warn({ error, id, podUid: this.#session.binding.podUid }, 'A recording was refused')
    this.#state = 'over'
    void this.#finish(this.#cause?.ending ?? 'unrecorded', this.#cause?.reason ?? fault.message)
    this.#call.emit('error', toServiceError(fault))
  }

  async #finish(ending: SessionEnding, reason: string): Promise<void> {
    this.#cancelCut?.()
    this.#reads.close()
    const begun = this.#begun
    if (begun === undefined) return
    const { live, recordings, logger, clock } = this.#deps
    live.remove(begun.id)
    await this.#chunks
    const end = { ending, reason: reason.slice(0, REASON_MAX), endedAtMs: clock.nowMs() }
    try {
      await recordings.end(begun.id, end)
    } catch (error) {
      // Recorded: what has no end by now gets one at the next start.
      logger.error({ error, id: begun.id }, 'Cannot note the end of a recording')
    }
  }

  #isOver(): boolean {
    return this.#state === 'over'
  }

  #send(response: Reply): void {
    if (!this.#isOver()) this.#write(response)
  }

  #write(response: Reply): void {
    if (!this.#call.cancelled && !this.#call.writableEnded) this.#call.write(response)
  }
}
