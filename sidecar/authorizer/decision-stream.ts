import type { MessageInitShape } from '@bufbuild/protobuf'
import { type ClientDuplexStream, Metadata } from '@grpc/grpc-js'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import { createBatchWriter } from '../../proto/batch-writer.ts'
import type {
  AuthorizationService,
  AuthorizeStreamRequestSchema,
  AuthorizeStreamResponse,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { GrpcClient } from '../../proto/grpc-service.ts'
import { questionToMessage } from '../../proto/question-message.ts'
import type { DecisionReply, OutcomeReport } from '../../proxy/judgement/authorizer.ts'
import { parseAnswer } from './decision-reply.ts'
import { startTimer } from './timer.ts'

type StreamRequest = MessageInitShape<typeof AuthorizeStreamRequestSchema>

export interface DecisionStreamOptions {
  readonly client: GrpcClient<typeof AuthorizationService>
  readonly session: string
  readonly timeoutMs: number
  /** The first message came: the control plane is there and knows the session. */
  readonly onAlive: () => void
  readonly onDecision: (decision: DecisionReply, question: Question) => void
  /** A decision for a question that was given up: its request was never sent. */
  readonly onLateDecision: (decision: DecisionReply) => void
  readonly onRevocation: (decisionId: string, message: string) => void
}

/** One stream to the control plane; every question and every outcome of the sidecar goes over it. */
export interface DecisionStream {
  /** Throws `decision_timeout`, `decision_unavailable` or what the control plane failed with. */
  ask(question: Question): Promise<DecisionReply>
  send(outcome: OutcomeReport): void
  /** Hands over a request that an earlier stream allowed and that is still open. */
  resume(decisionId: string, question: Question): void
  /** Resolves, never rejects, when the stream is over: with the error, if there was one. */
  readonly ended: Promise<unknown>
  /** Waits for open questions, then ends the stream; what was sent before will have arrived. */
  finish(timeoutMs: number): Promise<void>
}

interface Pending {
  readonly question: Question
  readonly resolve: (decision: DecisionReply) => void
  readonly reject: (fault: Fault) => void
  readonly deadlineMs: number
}

const LOST = 'Lost the connection to the control plane before it decided; try again'
const CORRELATION_MAX = 0xffff_ffff

/** Opens a stream with a session. Questions are matched to answers by number, in any order. */
export function openDecisionStream(options: DecisionStreamOptions): DecisionStream {
  const { client, session, timeoutMs } = options
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${session}`)
  const call: ClientDuplexStream<StreamRequest, AuthorizeStreamResponse> =
    client.authorizeStream(metadata)
  const writer = createBatchWriter<StreamRequest>({
    write: (message, onTaken) => void call.write(message, onTaken),
    toBatch: (messages) => ({ message: { case: 'batch', value: { messages } } }),
  })
  // Insertion order is deadline order, since every question has the same time.
  const pending = new Map<number, Pending>()
  let lastCorrelation = 0
  let sweep: NodeJS.Timeout | undefined
  let over = false
  let alive = false
  let onAnswered: (() => void) | undefined
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>()

  function ask(question: Question): Promise<DecisionReply> {
    if (over) return Promise.reject(new Fault('decision_unavailable', LOST))
    lastCorrelation = lastCorrelation === CORRELATION_MAX ? 1 : lastCorrelation + 1
    const correlation = lastCorrelation
    return new Promise((resolve, reject) => {
      const deadlineMs = performance.now() + timeoutMs
      pending.set(correlation, { question, resolve, reject, deadlineMs })
      sweep ??= setTimeout(giveUp, timeoutMs)
      writer.write({
        correlation,
        message: { case: 'authorize', value: questionToMessage(question) },
      })
    })
  }

  /** One timer for all questions: gives up those whose time is over, and waits for the next. */
  function giveUp(): void {
    sweep = undefined
    const nowMs = performance.now()
    for (const [correlation, waiting] of pending) {
      if (waiting.deadlineMs > nowMs) {
        sweep = setTimeout(giveUp, waiting.deadlineMs - nowMs)
        return
      }
      pending.delete(correlation)
      waiting.reject(
        new Fault('decision_timeout', `The control plane did not decide within ${timeoutMs} ms`),
      )
    }
  }

  function receive(response: AuthorizeStreamResponse): void {
    if (!alive) {
      alive = true
      options.onAlive()
    }
    const { message } = response
    if (message.case === 'batch') message.value.messages.forEach(receiveOne)
    else receiveOne(response)
  }

  function receiveOne({ correlation, message }: AuthorizeStreamResponse): void {
    if (message.case === 'revocation') {
      options.onRevocation(message.value.decisionId, message.value.message)
      return
    }
    const waiting = pending.get(correlation)
    pending.delete(correlation)
    if (pending.size === 0) onAnswered?.()
    try {
      const decision = parseAnswer(message)
      if (waiting === undefined) options.onLateDecision(decision)
      else {
        options.onDecision(decision, waiting.question)
        waiting.resolve(decision)
      }
    } catch (error) {
      // Converted: what cannot be read, and what the control plane failed with, refuse the request.
      waiting?.reject(Fault.from(error))
    }
  }

  function stop(error?: unknown): void {
    if (over) return
    over = true
    clearTimeout(sweep)
    for (const waiting of pending.values()) {
      waiting.reject(new Fault('decision_unavailable', LOST, { cause: error }))
    }
    pending.clear()
    end(error)
  }

  call.on('data', receive)
  call.on('error', stop)
  call.on('end', () => stop())

  /** Resolves when no question is open. */
  function answered(): Promise<void> {
    if (pending.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      onAnswered = resolve
    })
  }

  async function finish(finishMs: number): Promise<void> {
    const late = startTimer(finishMs)
    await Promise.race([answered(), ended, late.done])
    const idle = new Promise<void>((resolve) => writer.whenIdle(resolve))
    await Promise.race([idle, ended, late.done])
    call.end()
    await Promise.race([ended, late.done])
    late.cancel()
    stop()
    call.cancel()
  }

  return {
    ask,
    send: (outcome) => {
      if (!over) writer.write({ correlation: 0, message: { case: 'outcome', value: outcome } })
    },
    resume: (decisionId, question) => {
      if (over) return
      const value = { decisionId, request: questionToMessage(question) }
      writer.write({ correlation: 0, message: { case: 'resume', value } })
    },
    ended,
    finish,
  }
}
