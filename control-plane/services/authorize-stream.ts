import type { MessageInitShape } from '@bufbuild/protobuf'
import { type handleBidiStreamingCall, Metadata, type ServerDuplexStream } from '@grpc/grpc-js'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import { shortenExec } from '../../core/kubernetes/shorten-exec.ts'
import { BATCH_MESSAGES_MAX, createBatchWriter } from '../../proto/batch-writer.ts'
import { toServiceError } from '../../proto/fault-status.ts'
import type {
  AuthorizeStreamRequest,
  AuthorizeStreamResponseSchema,
  Outcome,
  Resume,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { type AuthorizationDeps, decideMeasured } from '../decisions/decide-measured.ts'
import type { WatchedDecision } from '../decisions/decision-watch.ts'
import type { Session } from '../sessions.ts'
import {
  decisionToMessage,
  outcomeFromMessage,
  questionFromMessage,
} from './authorization-message.ts'
import { bearerToken } from './grpc-fault.ts'

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
      serve(call, secret, session, deps)
    } catch (error) {
      call.emit('error', toServiceError(Fault.from(error)))
    }
  }
}

function serve(call: Call, secret: string, session: Session, deps: AuthorizationDeps): void {
  let inFlight = 0
  let untaken = 0
  let ended = false
  const mine = new Map<string, WatchedDecision>()

  const writer = createBatchWriter<Response>({
    write: (message, onTaken) => void call.write(message, onTaken),
    toBatch: (messages) => ({ message: { case: 'batch', value: { messages } } }),
    onTaken(messages) {
      untaken -= messages
      if (call.isPaused() && untaken <= UNTAKEN_MAX) call.resume()
    },
  })

  function send(response: Response): void {
    if (ended || call.cancelled || call.writableEnded) return
    untaken += 1
    writer.write(response)
    if (untaken > UNTAKEN_MAX) call.pause()
  }

  async function answer(message: AuthorizeStreamRequest, session: Session): Promise<Response> {
    const { correlation } = message
    if (message.message.case !== 'authorize') {
      throw new Fault('request_invalid', 'The message holds nothing that is known')
    }
    if (inFlight >= IN_FLIGHT_MAX)
      throw new Fault('overloaded', 'Too many requests wait for a decision')
    inFlight += 1
    try {
      const question = questionFromMessage(message.message.value)
      const changes = deps.decisionWatch.changes()
      const decided = await decideMeasured(deps, session, question)
      // A stream that ended meanwhile would never close the decision.
      if (decided.effect === 'allow' && !ended) {
        deps.decisionWatch.open(watch(decided.decisionId, session, question), changes)
      }
      return { correlation, message: { case: 'decision', value: decisionToMessage(decided) } }
    } finally {
      inFlight -= 1
    }
  }

  function watch(decisionId: string, { binding }: Session, question: Question): WatchedDecision {
    // Held for as long as the request is open: a long command would fill the memory.
    const kept = { ...question, attributes: shortenExec(question.attributes) }
    const decision = { decisionId, binding, question: kept, revoke: revokeOf(decisionId) }
    mine.set(decisionId, decision)
    return decision
  }

  function revokeOf(decisionId: string): (why: string) => void {
    return (why) => send({ message: { case: 'revocation', value: { decisionId, message: why } } })
  }

  function resume({ decisionId, request }: Resume, session: Session): void {
    if (ended) return
    try {
      if (request === undefined) throw new Fault('request_invalid', 'Nothing says what is open')
      deps.decisionWatch.resume(watch(decisionId, session, questionFromMessage(request)))
    } catch (error) {
      deps.logger.warn({ error, decisionId }, 'Cannot judge an open request again')
      revokeOf(decisionId)('what allowed this request cannot be judged again')
    }
  }

  function complete(outcome: Outcome, { binding }: Session): void {
    mine.delete(outcome.decisionId)
    deps.decisionWatch.close(binding.podUid, outcome.decisionId)
    // Nobody waits: what cannot be noted stays an open record, which says just that.
    deps.auditEvents
      .complete(binding.podUid, outcome.decisionId, outcomeFromMessage(outcome, deps.now()))
      .catch((error: unknown) => deps.logger.warn({ error }, 'Cannot note an outcome'))
  }

  call.on('data', (message: AuthorizeStreamRequest) => {
    try {
      // A session never changes until it is over; to look it up for each message costs a hash.
      if (session.expiresAtMs <= deps.now()) deps.sessions.find(secret)
    } catch (error) {
      call.emit('error', toServiceError(Fault.from(error)))
      return
    }
    receiveAll(message)
  })

  function receiveAll(message: AuthorizeStreamRequest): void {
    const together = message.message.case === 'batch' ? message.message.value.messages : [message]
    if (together.length <= BATCH_MESSAGES_MAX) together.forEach(receive)
    else call.emit('error', toServiceError(new Fault('request_invalid', 'The batch is too long')))
  }

  function receive(message: AuthorizeStreamRequest): void {
    if (message.message.case === 'outcome') {
      complete(message.message.value, session)
      return
    }
    if (message.message.case === 'resume') {
      resume(message.message.value, session)
      return
    }
    answer(message, session).then(send, (error: unknown) => {
      const { code, message: text } = Fault.from(error)
      if (code === 'internal') deps.logger.error({ error }, 'A decision failed')
      const failure = { case: 'failure' as const, value: { code, message: text } }
      send({ correlation: message.correlation, message: failure })
    })
  }
  const end = (): void => {
    ended = true
    for (const decision of mine.values()) deps.decisionWatch.release(decision)
    mine.clear()
  }
  call.on('end', () => {
    end()
    writer.whenIdle(() => call.end())
  })
  call.on('cancelled', end)
  call.on('error', end)
}
