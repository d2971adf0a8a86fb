import type { MessageInitShape } from '@bufbuild/protobuf'
import { type ClientDuplexStream, Metadata } from '@grpc/grpc-js'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import { type Clock, startTimer } from '../../platform/clock.ts'
import { type BatchWriter, createBatchWriter } from '../../proto/batch-writer.ts'
import type {
  AuthorizationService,
  AuthorizeStreamRequestSchema,
  AuthorizeStreamResponse,
  OutcomeSchema,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { GrpcClient } from '../../proto/grpc-service.ts'
import { questionToMessage } from '../../proto/question-message.ts'
import type {
  DecisionReply,
  OutcomeReport,
  ProspectReply,
  Revoked,
} from '../../proxy/judgement/authorizer.ts'
import { reviewChain } from './chain-review.ts'
import type { DecisionIds } from './decision-ids.ts'
import { isGroundToForesee, parseAnswer } from './decision-reply.ts'
import { RecentAllows } from './recent-allows.ts'
import { ToldProfiles } from './told-profiles.ts'

type StreamRequest = MessageInitShape<typeof AuthorizeStreamRequestSchema>

export interface DecisionStreamOptions {
  readonly client: GrpcClient<typeof AuthorizationService>
  readonly session: string
  readonly timeoutMs: number
  readonly clock: Clock
  /** Of the enrolment; undefined where the control plane takes no ids. */
  readonly ids: DecisionIds | undefined
  /** The first message came: the control plane is there and knows the session. */
  readonly onAlive: () => void
  readonly onDecision: (decision: DecisionReply, question: Question) => void
  /** A decision for a question that was given up: its request was never sent. */
  readonly onLateDecision: (decision: DecisionReply) => void
  readonly onRevocation: (decisionId: string, revoked: Revoked) => void
}

interface Pending {
  readonly question: Question
  /** Under which the request was sent already; empty when it waits. */
  readonly decisionId: string
  readonly resolve: (decision: DecisionReply) => void
  readonly reject: (fault: Fault) => void
  readonly deadlineMs: number
}

/** A question that is older than this has a control plane that is in trouble: nothing is sent ahead meanwhile. */
const PENDING_MS_MAX = 1_000
const LOST = 'Lost the connection to the control plane before it decided; try again'
const CORRELATION_MAX = 0xffff_ffff

/**
 * One stream to the control plane; every question and every outcome of the sidecar goes over it.
 * Questions are matched to answers by number, in any order.
 */
export class DecisionStream {
  /** Resolves, never rejects, when the stream is over: with the error, if there was one. */
  readonly ended: Promise<unknown>
  readonly #options: DecisionStreamOptions
  readonly #call: ClientDuplexStream<StreamRequest, AuthorizeStreamResponse>
  readonly #writer: BatchWriter<StreamRequest>
  readonly #end: (error: unknown) => void
  /** Insertion order is deadline order, since every question has the same time. */
  readonly #pending = new Map<number, Pending>()
  readonly #recent: RecentAllows
  readonly #profiles = new ToldProfiles()
  #state: 'opening' | 'alive' | 'over' = 'opening'
  #lastCorrelation = 0
  /** Whether the control plane has failed on a request that was sent ahead: it may not take the ids. */
  #failedAhead = false
  #cancelSweep: (() => void) | undefined
  #onAnswered: (() => void) | undefined

  /** Opens the stream with a session. */
  constructor(options: DecisionStreamOptions) {
    this.#options = options
    this.#recent = new RecentAllows(options.clock)
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${options.session}`)
    const call = options.client.authorizeStream(metadata)
    this.#call = call
    this.#writer = createBatchWriter<StreamRequest>({
      write: (message, onTaken) => void call.write(message, onTaken),
      toBatch: (messages) => ({ message: { case: 'batch', value: { messages } } }),
    })
    const { promise, resolve } = Promise.withResolvers<unknown>()
    this.ended = promise
    this.#end = resolve
    call.on('data', (response) => this.#receive(response))
    call.on('error', (error) => this.#stop(error))
    call.on('end', () => this.#stop())
  }

  /**
   * The id under which a request may be sent while its decision is asked for; undefined when it must wait. Only the
   * question that was lately allowed over this stream, while nothing that decisions rest on has changed, while
   * questions are answered in time, and never again over a stream over which one that was sent ahead failed.
   */
  foresee(question: Question): string | undefined {
    const { ids } = this.#options
    if (ids === undefined || this.#failedAhead) return undefined
    if (this.#state !== 'alive' || this.#isSlow()) return undefined
    return this.#recent.has(question) ? ids.next() : undefined
  }

  /**
   * Throws `decision_timeout`, `decision_unavailable` or what the control plane failed with. `decisionId` is the id
   * under which the request is sent ahead; empty when it waits.
   */
  ask(question: Question, decisionId = ''): Promise<DecisionReply> {
    if (this.#state === 'over') return Promise.reject(new Fault('decision_unavailable', LOST))
    const { clock, timeoutMs } = this.#options
    const correlation = this.#lastCorrelation === CORRELATION_MAX ? 1 : this.#lastCorrelation + 1
    this.#lastCorrelation = correlation
    const value = questionToMessage(question)
    return new Promise((resolve, reject) => {
      const deadlineMs = clock.monotonicMs() + timeoutMs
      this.#pending.set(correlation, { question, decisionId, resolve, reject, deadlineMs })
      this.#cancelSweep ??= clock.after(timeoutMs, () => this.#giveUp())
      this.#writer.write({
        correlation,
        message: { case: 'authorize', value: decisionId === '' ? value : { ...value, decisionId } },
      })
    })
  }

  /** Says what became of a request; nothing once the stream is over. */
  send(outcome: OutcomeReport): void {
    if (this.#state === 'over') return
    const value = toOutcomeMessage(outcome)
    this.#writer.write({ correlation: 0, message: { case: 'outcome', value } })
  }

  /** What the chain would be answered, asked beside the stream. Throws as `reviewChain`. */
  review(questions: readonly Question[]): Promise<readonly ProspectReply[]> {
    const { client, session, timeoutMs } = this.#options
    return reviewChain(client, session, questions, timeoutMs)
  }

  /** Hands over a request that an earlier stream allowed and that is still open. */
  resume(decisionId: string, question: Question): void {
    if (this.#state === 'over') return
    const value = { decisionId, request: questionToMessage(question) }
    this.#writer.write({ correlation: 0, message: { case: 'resume', value } })
  }

  /** Waits for open questions, then ends the stream; what was sent before will have arrived. */
  async finish(timeoutMs: number): Promise<void> {
    const late = startTimer(this.#options.clock, timeoutMs)
    await Promise.race([this.#answered(), this.ended, late.done])
    const idle = new Promise<void>((resolve) => this.#writer.whenIdle(resolve))
    await Promise.race([idle, this.ended, late.done])
    this.#call.end()
    await Promise.race([this.ended, late.done])
    late.cancel()
    this.#stop()
    this.#call.cancel()
  }

  /** Resolves when no question is open. */
  #answered(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onAnswered = resolve
    })
  }

  #isSlow(): boolean {
    const [oldest] = this.#pending.values()
    if (oldest === undefined) return false
    const { clock, timeoutMs } = this.#options
    return clock.monotonicMs() - (oldest.deadlineMs - timeoutMs) > PENDING_MS_MAX
  }

  /** One timer for all questions: gives up those whose time is over, and waits for the next. */
  #giveUp(): void {
    const { clock, timeoutMs } = this.#options
    this.#cancelSweep = undefined
    const nowMs = clock.monotonicMs()
    for (const [correlation, waiting] of this.#pending) {
      if (waiting.deadlineMs > nowMs) {
        this.#cancelSweep = clock.after(waiting.deadlineMs - nowMs, () => this.#giveUp())
        return
      }
      this.#pending.delete(correlation)
      this.#recent.forgetAll()
      waiting.reject(
        new Fault('decision_timeout', `The control plane did not decide within ${timeoutMs} ms`),
      )
    }
  }

  #receive(response: AuthorizeStreamResponse): void {
    if (this.#state === 'opening') {
      this.#state = 'alive'
      this.#options.onAlive()
    }
    const { message } = response
    if (message.case !== 'batch') this.#receiveOne(response)
    else for (const one of message.value.messages) this.#receiveOne(one)
  }

  #receiveOne({ correlation, message }: AuthorizeStreamResponse): void {
    const { onRevocation, onDecision, onLateDecision } = this.#options
    if (message.case === 'changed') {
      this.#recent.forgetAll()
      return
    }
    if (message.case === 'revocation') {
      this.#recent.forgetAll()
      const { decisionId, message: text, code } = message.value
      const unavailable = code === 'decision_unavailable'
      onRevocation(decisionId, {
        code: unavailable ? 'decision_unavailable' : 'permission_denied',
        message: text,
      })
      return
    }
    const waiting = this.#pending.get(correlation)
    this.#pending.delete(correlation)
    if (this.#pending.size === 0) this.#onAnswered?.()
    try {
      const decision = parseAnswer(message, this.#profiles)
      if (waiting === undefined) onLateDecision(decision)
      else {
        if (isGroundToForesee(message, decision)) this.#recent.add(waiting.question)
        else this.#recent.forget(waiting.question)
        onDecision(decision, waiting.question)
        waiting.resolve(decision)
      }
    } catch (error) {
      this.#recent.forgetAll()
      if (waiting !== undefined && waiting.decisionId !== '') this.#failedAhead = true
      // Converted: what cannot be read, and what the control plane failed with, refuse the request.
      waiting?.reject(Fault.from(error))
    }
  }

  #stop(error?: unknown): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#recent.forgetAll()
    this.#cancelSweep?.()
    for (const waiting of this.#pending.values()) {
      waiting.reject(new Fault('decision_unavailable', LOST, { cause: error }))
    }
    this.#pending.clear()
    this.#end(error)
  }
}

/** Almost no outcome has masked values: such a report goes as it is. */
function toOutcomeMessage(outcome: OutcomeReport): MessageInitShape<typeof OutcomeSchema> {
  const plain: Omit<OutcomeReport, 'masked'> = outcome
  if (outcome.masked === undefined) return plain
  const masked = outcome.masked.map(({ mask, values }) => ({ mask, values: BigInt(values) }))
  return { ...plain, masked }
}
