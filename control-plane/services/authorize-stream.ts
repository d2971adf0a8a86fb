import type { MessageInitShape } from '@bufbuild/protobuf'
import { type handleBidiStreamingCall, Metadata, type ServerDuplexStream } from '@grpc/grpc-js'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import { shortenExec } from '../../core/kubernetes/shorten-exec.ts'
import { type MaskDefinition, maskNameOf } from '../../core/masking/mask-profile.ts'
import { NO_OBLIGATIONS, type Obligations } from '../../core/policy/obligations.ts'
import {
  BATCH_MESSAGES_MAX,
  type BatchWriter,
  createBatchWriter,
} from '../../proto/batch-writer.ts'
import { toServiceError } from '../../proto/fault-status.ts'
import type {
  AuthorizeStreamRequest,
  AuthorizeStreamResponseSchema,
  Outcome,
  Resume,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { RecordedDecision } from '../decisions/decide.ts'
import type { AuthorizationDeps } from '../decisions/decide-measured.ts'
import {
  type RevocationCause,
  UNANSWERED,
  type WatchedDecision,
} from '../decisions/watched-decision.ts'
import type { Session } from '../sessions.ts'
import {
  decisionToMessage,
  outcomeFromMessage,
  questionFromMessage,
} from './authorization-message.ts'
import { bearerToken } from './grpc-fault.ts'
import { decideQuestion, isGroundToForesee } from './sent-ahead.ts'

type Response = MessageInitShape<typeof AuthorizeStreamResponseSchema>
type Call = ServerDuplexStream<AuthorizeStreamRequest, Response>

/** Questions of one sidecar under way at the same time; a pod that asks more is asked to wait. */
const IN_FLIGHT_MAX = 1_024
/** Answers that a sidecar has not taken; while there are more, no further question of it is read. */
const UNTAKEN_MAX = 256

/** One sidecar's stream: many questions at the same time, each answered by its correlation. */
export function createAuthorizeStream(
  deps: AuthorizationDeps,
): handleBidiStreamingCall<AuthorizeStreamRequest, Response> {
  return function authorizeStream(call) {
    try {
      const secret = bearerToken(call.metadata)
      const session = deps.sessions.find(secret)
      // Immediately, and not with the first decision: it lets the connection through the gate.
      call.sendMetadata(new Metadata())
      new SidecarStream(call, secret, session, deps).serve()
    } catch (error) {
      call.emit('error', toServiceError(Fault.from(error)))
    }
  }
}

/** What one sidecar asks, and what of it is open. */
class SidecarStream {
  readonly #call: Call
  readonly #secret: string
  readonly #session: Session
  readonly #deps: AuthorizationDeps
  readonly #writer: BatchWriter<Response>
  /** Open decisions of this stream. */
  readonly #mine = new Map<string, WatchedDecision>()
  /** What was open over an earlier stream, and whose records are being read. */
  readonly #resuming = new Set<string>()
  /** By name of a MaskProfile: the id of the definition that the sidecar was sent last. */
  readonly #told = new Map<string, string>()
  #inFlight = 0
  #untaken = 0
  #ended = false
  /** How often what decisions about the pod rest on has changed. */
  #changes = 0
  /** Whether the sidecar has an allow by which it may foresee others. */
  #foresees = false
  readonly #unfollow: () => void

  constructor(call: Call, secret: string, session: Session, deps: AuthorizationDeps) {
    this.#call = call
    this.#secret = secret
    this.#session = session
    this.#deps = deps
    this.#writer = createBatchWriter<Response>({
      write: (message, onTaken) => void call.write(message, onTaken),
      toBatch: (messages) => ({ message: { case: 'batch', value: { messages } } }),
      onTaken: (messages) => {
        this.#untaken -= messages
        if (call.isPaused() && this.#untaken <= UNTAKEN_MAX) call.resume()
      },
    })
    this.#unfollow = deps.decisionWatch.followers.add(session.binding, () => this.#changed())
  }

  serve(): void {
    const call = this.#call
    call.on('data', (message: AuthorizeStreamRequest) => this.#read(message))
    call.on('end', () => {
      this.#end()
      this.#writer.whenIdle(() => call.end())
    })
    call.on('cancelled', () => this.#end())
    call.on('error', () => this.#end())
  }

  #send(response: Response): void {
    if (this.#ended || this.#call.cancelled || this.#call.writableEnded) return
    this.#untaken += 1
    this.#writer.write(response)
    if (this.#untaken > UNTAKEN_MAX) this.#call.pause()
  }

  /** One message is enough until the sidecar has another allow to foresee by. */
  #changed(): void {
    this.#changes += 1
    if (!this.#foresees) return
    this.#foresees = false
    this.#send({ message: { case: 'changed', value: {} } })
  }

  async #answer(message: AuthorizeStreamRequest): Promise<void> {
    const { correlation } = message
    if (message.message.case !== 'authorize') {
      throw new Fault('request_invalid', 'The message holds nothing that is known')
    }
    if (this.#inFlight >= IN_FLIGHT_MAX)
      throw new Fault('overloaded', 'Too many requests wait for a decision')
    this.#inFlight += 1
    try {
      const question = questionFromMessage(message.message.value)
      const changes = this.#deps.decisionWatch.changes()
      const own = this.#changes
      const sentAs = message.message.value.decisionId
      const decided = await decideQuestion(this.#deps, this.#session, question, sentAs)
      // A stream that ended meanwhile would never close the decision.
      if (decided.effect === 'allow' && !this.#ended) {
        this.#deps.decisionWatch.open(
          this.#watch(decided.decisionId, underGrant(question, decided), decided.obligations),
          changes,
        )
      }
      // What comes after this message over the stream is about what changes after it.
      const mayBeForeseen = own === this.#changes && isGroundToForesee(question, decided)
      this.#foresees ||= mayBeForeseen
      const value = decisionToMessage(decided, mayBeForeseen, this.#untold(decided))
      this.#send({ correlation, message: { case: 'decision', value } })
    } finally {
      this.#inFlight -= 1
    }
  }

  /** The MaskProfiles of a decision of which the sidecar has another definition, or none. */
  #untold({ profiles = [] }: RecordedDecision): readonly MaskDefinition[] {
    const untold = profiles.filter(({ id }) => this.#told.get(maskNameOf(id)) !== id)
    for (const { id } of untold) this.#told.set(maskNameOf(id), id)
    return untold
  }

  #watch(decisionId: string, question: Question, obligations: Obligations): WatchedDecision {
    // Held for as long as the request is open: a long command would fill the memory.
    const kept = { ...question, attributes: shortenExec(question.attributes) }
    const { binding } = this.#session
    const revoke = this.#revokeOf(decisionId)
    const decision = { decisionId, binding, question: kept, obligations, revoke }
    this.#mine.set(decisionId, decision)
    return decision
  }

  #revokeOf(decisionId: string): (why: RevocationCause) => void {
    return (why) => {
      this.#deps.live.revoke(this.#session.binding.podUid, decisionId, why.message)
      this.#send({ message: { case: 'revocation', value: { decisionId, ...why } } })
    }
  }

  async #resume({ decisionId, request }: Resume): Promise<void> {
    if (this.#ended) return
    try {
      if (request === undefined) throw new Fault('request_invalid', 'Nothing says what is open')
      await this.#resumeByRecord(decisionId, questionFromMessage(request))
    } catch (error) {
      this.#deps.logger.warn({ error, decisionId }, 'Cannot judge an open request again')
      this.#revokeOf(decisionId)(UNANSWERED)
    }
  }

  /** The record says under which obligations and by which grant it is open, if it is of this pod. */
  async #resumeByRecord(decisionId: string, question: Question): Promise<void> {
    this.#resuming.add(decisionId)
    const event = await this.#deps.auditEvents.get(decisionId)
    // Its outcome may have come meanwhile.
    if (!this.#resuming.delete(decisionId) || this.#ended) return
    const isOwn = event?.caller.podUid === this.#session.binding.podUid
    const obligations = isOwn && event.effect === 'allow' ? event.obligations : NO_OBLIGATIONS
    const grantId = isOwn ? event.grantId : undefined
    const known = underGrant(question, grantId === undefined ? {} : { grantId })
    this.#deps.decisionWatch.resume(this.#watch(decisionId, known, obligations))
  }

  #complete(outcome: Outcome): void {
    const { binding } = this.#session
    this.#mine.delete(outcome.decisionId)
    this.#resuming.delete(outcome.decisionId)
    this.#deps.decisionWatch.close(binding.podUid, outcome.decisionId)
    // Nobody waits: what cannot be noted stays an open record, which says just that.
    this.#deps.auditEvents
      .complete(binding.podUid, outcome.decisionId, outcomeFromMessage(outcome, this.#deps.now()))
      .catch((error: unknown) => this.#deps.logger.warn({ error }, 'Cannot note an outcome'))
  }

  #read(message: AuthorizeStreamRequest): void {
    try {
      // A session never changes until it is over; to look it up for each message costs a hash.
      if (this.#session.expiresAtMs <= this.#deps.now()) this.#deps.sessions.find(this.#secret)
    } catch (error) {
      this.#call.emit('error', toServiceError(Fault.from(error)))
      return
    }
    this.#receiveAll(message)
  }

  #receiveAll(message: AuthorizeStreamRequest): void {
    const together = message.message.case === 'batch' ? message.message.value.messages : [message]
    if (together.length <= BATCH_MESSAGES_MAX) for (const one of together) this.#receive(one)
    else
      this.#call.emit(
        'error',
        toServiceError(new Fault('request_invalid', 'The batch is too long')),
      )
  }

  #receive(message: AuthorizeStreamRequest): void {
    if (message.message.case === 'outcome') {
      this.#complete(message.message.value)
      return
    }
    if (message.message.case === 'resume') {
      void this.#resume(message.message.value)
      return
    }
    this.#answer(message).catch((error: unknown) => {
      const { code, message: text } = Fault.from(error)
      if (code === 'internal') this.#deps.logger.error({ error }, 'A decision failed')
      const failure = { case: 'failure' as const, value: { code, message: text } }
      this.#send({ correlation: message.correlation, message: failure })
    })
  }

  #end(): void {
    this.#ended = true
    this.#unfollow()
    for (const decision of this.#mine.values()) this.#deps.decisionWatch.release(decision)
    this.#mine.clear()
  }
}

/** The question with the grant that let it pass, which is looked at again for as long as the request is open. */
function underGrant(question: Question, { grantId }: Pick<RecordedDecision, 'grantId'>): Question {
  if (grantId === undefined) return question
  return { ...question, approval: { digest: '', ...question.approval, grantId } }
}
