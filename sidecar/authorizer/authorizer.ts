import type { ServiceError } from '@grpc/grpc-js'
import { assert } from '../../core/assert.ts'
import type { HeldBytes } from '../../core/authorization/held-bytes.ts'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import { shortenExec } from '../../core/kubernetes/shorten-exec.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import { fromServiceError } from '../../proto/fault-status.ts'
import type { Permit } from '../../proxy/judgement/authorize.ts'
import type {
  ApprovalReply,
  Authorizer,
  DecisionReply,
  ForeseenRead,
  OutcomeReport,
  ProspectReply,
  Revoked,
} from '../../proxy/judgement/authorizer.ts'
import type { SessionRecorder } from '../../proxy/session/session-recorder.ts'
import type { RecordingPlace } from '../recorder/open-recording.ts'
import { OpenRecordings } from '../recorder/open-recordings.ts'
import type { SidecarMetrics } from '../sidecar-metrics.ts'
import { AllowedRequests } from './allowed-requests.ts'
import { type ApprovalPlace, callForApproval } from './approval-call.ts'
import { type Backoff, createBackoff } from './backoff.ts'
import { ReviewTurns } from './chain-review.ts'
import { type ControlPlaneChannel, openControlPlaneChannel } from './control-plane-channel.ts'
import { DecisionStream } from './decision-stream.ts'
import { type Enrolment, enroll, VersionRefused } from './enrolment.ts'
import { Link, type LinkConnection } from './link.ts'
import { OutcomeQueue } from './outcome-queue.ts'
import { ReadsAhead } from './reads-ahead.ts'
import { WaitingRoom } from './waiting-room.ts'

export interface AuthorizerOptions {
  /** `host:port` */
  readonly address: string
  /** Name that its certificate must hold; empty means the host of `address`. */
  readonly serverName: string
  readonly caPem: string
  readonly readToken: () => string
  readonly decisionTimeoutMs: number
  readonly reconnectWaitMs: number
  readonly keepaliveMs: number
  readonly waitingRequestsMax: number
  readonly openRequestsMax: number
  /** Whether plain reads may be sent ahead of their decisions. */
  readonly readAhead: boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: SidecarMetrics
}

const RECONNECT_MS = { min: 100, max: 2_000 }

/**
 * Asks the control plane, over one connection for the whole process. Starts to connect immediately;
 * requests that come before there is a connection wait `reconnectWaitMs`.
 */
export class ControlPlaneAuthorizer implements Authorizer {
  readonly #options: AuthorizerOptions
  readonly #outcomes: OutcomeQueue
  readonly #ahead: ReadsAhead
  readonly #room: WaitingRoom<DecisionStream>
  readonly #backoff: Backoff
  readonly #allowed = new AllowedRequests()
  readonly #turns = new ReviewTurns()
  readonly #link: Link<DecisionStream>
  /** Where sessions are recorded: as whom the stream that serves was opened. */
  #recordings: RecordingPlace | undefined
  #approvals: ApprovalPlace | undefined
  readonly #openRecordings: OpenRecordings
  #versions: VersionRefused | undefined

  constructor(options: AuthorizerOptions) {
    const { clock, logger, metrics } = options
    this.#options = options
    this.#openRecordings = new OpenRecordings(clock)
    this.#outcomes = new OutcomeQueue({ max: options.openRequestsMax, clock })
    const report = (outcome: OutcomeReport) => this.report(outcome)
    this.#ahead = new ReadsAhead({ clock, logger, metrics, report })
    this.#room = new WaitingRoom({
      clock,
      max: options.waitingRequestsMax,
      waitMs: options.reconnectWaitMs,
      reason: () => this.#versions,
    })
    this.#backoff = createBackoff({
      minMs: RECONNECT_MS.min,
      maxMs: RECONNECT_MS.max,
      random: Math.random,
    })
    this.#link = new Link({
      connect: () => this.#connect(),
      clock,
      backoff: this.#backoff,
      logger,
      isUnknownSession: isUnauthenticated,
      onServing: (stream) => this.#serve(stream),
      onLost: () => this.#lose(),
    })
  }

  async authorize(question: Question): Promise<DecisionReply> {
    if (this.#outcomes.isFull()) {
      throw new Fault(
        'audit_unavailable',
        'Too many outcomes wait for the control plane; try again',
      )
    }
    return this.#room.enter((stream) => stream.ask(question))
  }

  foresee(question: Question): ForeseenRead | undefined {
    const stream = this.#room.server
    if (!this.#options.readAhead || stream === undefined) return undefined
    if (this.#outcomes.isFull() || this.#room.isFull()) return undefined
    return this.#ahead.foresee(stream, question, (decisionId) =>
      this.#room.enter((server) => server.ask(question, decisionId)),
    )
  }

  async requestApproval(held: HeldBytes): Promise<ApprovalReply> {
    if (this.#room.server === undefined) await this.#room.wait()
    const place = this.#approvals
    assert(place !== undefined, 'what serves was opened')
    return callForApproval(place, held)
  }

  async review(questions: readonly Question[]): Promise<readonly ProspectReply[]> {
    return this.#turns.take(async () => {
      const stream = this.#room.server ?? (await this.#room.wait())
      return stream.review(questions)
    })
  }

  /** Opens the record of a session that was allowed. Throws a Fault when the control plane keeps none. */
  async openRecording(permit: Permit): Promise<SessionRecorder> {
    if (this.#room.server === undefined) await this.#room.wait()
    const { openRecording } = await import('../recorder/open-recording.ts')
    const place = this.#recordings
    assert(place !== undefined, 'what serves was opened')
    return openRecording(place, permit)
  }

  report(outcome: OutcomeReport): void {
    this.#allowed.remove(outcome.decisionId)
    this.#outcomes.add(outcome)
  }

  onRevoked(decisionId: string, cut: (revoked: Revoked) => void): void {
    this.#allowed.onRevoked(decisionId, cut)
  }

  /** Why requests cannot be decided now; undefined when they can. */
  problem(): string | undefined {
    if (this.#room.server !== undefined) return undefined
    return this.#versions?.message ?? 'no connection to the control plane'
  }

  /** Ends the sessions that are being recorded, and resolves once all of them is on record, after seconds at most. */
  drainRecordings(): Promise<void> {
    return this.#openRecordings.drain()
  }

  /** Sends what is left to say, of sessions too, and disconnects. */
  async close(): Promise<void> {
    await this.#openRecordings.flushed()
    this.#outcomes.flush()
    await this.#link.close()
  }

  #connect(): LinkConnection<DecisionStream> {
    const { clock, metrics, logger, readToken } = this.#options
    const channel = openControlPlaneChannel({ ...this.#options, reconnectMs: RECONNECT_MS })
    return {
      ready: channel.ready,
      close: channel.close,
      openStream: (enrolment) => this.#openStream(channel, enrolment),
      enrol: async () => {
        try {
          const enrolment = await enroll(channel.enrolment, readToken(), clock)
          metrics.enrolments.inc({ result: 'ok' })
          this.#versions = undefined
          const expiresAt = new Date(enrolment.expiresAtMs).toISOString()
          logger.info({ expiresAt }, 'Enrolled')
          return enrolment
        } catch (error) {
          metrics.enrolments.inc({ result: 'failed' })
          this.#versions = error instanceof VersionRefused ? error : undefined
          throw error
        }
      },
    }
  }

  #openStream(channel: ControlPlaneChannel, enrolment: Enrolment): DecisionStream {
    const { authorization: client, clientOf } = channel
    const { session, ids } = enrolment
    const { clock, decisionTimeoutMs: timeoutMs, metrics } = this.#options
    this.#recordings = { clientOf, session, timeoutMs, clock, open: this.#openRecordings }
    this.#approvals = { clientOf, session, timeoutMs }
    const stream: DecisionStream = new DecisionStream({
      ...{ client, session, ids, timeoutMs, clock },
      onAlive: () => this.#backoff.reset(),
      onDecision: ({ effect, id }, asked) => {
        if (effect !== 'allow') return
        // Kept for as long as the request is open: a long command would fill the memory.
        const question = { ...asked, attributes: shortenExec(asked.attributes) }
        this.#allowed.add(id, question)
        // Decided while the session was renewed: the stream that follows must watch over it.
        const { server } = this.#room
        if (server !== stream) server?.resume(id, question)
      },
      onLateDecision: ({ id: decisionId }) => {
        // Of what was sent the outcome is told by whoever sent it.
        if (this.#ahead.isUnsettled(decisionId)) return
        const fault = 'decision_timeout'
        this.#outcomes.add({ decisionId, httpStatus: 504, fault, responseBytes: 0n })
      },
      onRevocation: (decisionId, revoked) => {
        metrics.revocations.inc()
        this.#allowed.revoke(decisionId, revoked)
      },
    })
    return stream
  }

  #serve(stream: DecisionStream): void {
    this.#options.metrics.connected.set(1)
    // Outcomes first: what has ended need not be watched over again.
    this.#outcomes.connect((outcome) => stream.send(outcome))
    for (const [decisionId, question] of this.#allowed.questions())
      stream.resume(decisionId, question)
    this.#ahead.connect(stream)
    this.#room.open(stream)
  }

  #lose(): void {
    this.#room.shut()
    this.#options.metrics.connected.set(0)
    this.#outcomes.disconnect()
    this.#ahead.disconnect()
  }
}

function isUnauthenticated(error: unknown): boolean {
  return (
    error instanceof Error &&
    fromServiceError(error as ServiceError)?.code === 'identity_unverified'
  )
}
