import { Metadata } from '@grpc/grpc-js'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import {
  type AuthorizationService,
  Effect,
  type ReviewChainResponse,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { GrpcClient } from '../../proto/grpc-service.ts'
import { questionToMessage } from '../../proto/question-message.ts'
import type { ProspectReply } from '../../proxy/judgement/authorizer.ts'

/**
 * Asks the control plane what it would answer, without asking for leave. Throws
 * `decision_unavailable` without an answer to each question.
 */
export async function reviewChain(
  client: GrpcClient<typeof AuthorizationService>,
  session: string,
  questions: readonly Question[],
  timeoutMs: number,
): Promise<readonly ProspectReply[]> {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${session}`)
  const { prospects } = await new Promise<ReviewChainResponse>((resolve, reject) => {
    const unavailable = (cause: unknown) =>
      new Fault('decision_unavailable', 'The control plane did not review the chain; try again', {
        cause,
      })
    client.reviewChain(
      { questions: questions.map(questionToMessage) } as Parameters<typeof client.reviewChain>[0],
      metadata,
      { deadline: Date.now() + timeoutMs },
      (error, response) => {
        if (error === null && response?.prospects.length === questions.length) resolve(response)
        else reject(unavailable(error))
      },
    )
  })
  return prospects.map(({ effect, reason, error }) => ({
    allowed: effect === Effect.ALLOW && error === '',
    reason,
    error,
  }))
}

/** Fewer than the control plane takes of one pod at the same time. */
const LANES = 8
const WAITING_MAX = 256

/** A few reviews at the same time; the others wait for their turn, in the order in which they came. */
export class ReviewTurns {
  readonly #lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve())
  #taken = 0
  #waiting = 0

  /** Throws `overloaded` when too many wait already. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= WAITING_MAX) {
      throw new Fault('overloaded', 'Too many reviews of this pod wait; try again')
    }
    const lane = this.#taken % LANES
    this.#taken += 1
    this.#waiting += 1
    const done = Promise.resolve(this.#lanes[lane]).then(work)
    this.#lanes[lane] = done.catch(() => undefined)
    try {
      return await done
    } finally {
      this.#waiting -= 1
    }
  }
}
