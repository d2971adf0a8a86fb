import type { MessageInitShape } from '@bufbuild/protobuf'
import { Fault } from '../../core/fault.ts'
import {
  type AuthorizeRequest,
  Effect,
  type ProspectSchema,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { effectToMessage } from '../../proto/question-message.ts'
import type { AuthorizationDeps } from '../decisions/decide-measured.ts'
import type { Session } from '../sessions.ts'
import { questionFromMessage } from './authorization-message.ts'

type ProspectMessage = MessageInitShape<typeof ProspectSchema>

const QUESTIONS_MAX = 100
/** Calls of one pod that are open at the same time: nothing of them is recorded, so nothing else would hold them back. */
const CALLS_PER_POD_MAX = 16
/** Questions of one call that are judged at the same time; reviews of access have shares of their own besides. */
const CONCURRENT_MAX = 4

/**
 * What a chain would be answered, for a pod that asks what it may do. Throws `request_invalid` for
 * too many questions and `overloaded` for too many calls; a single question that cannot be judged has
 * its error in its place.
 */
export function createChainReview({
  decider,
  logger,
}: Pick<AuthorizationDeps, 'decider' | 'logger'>) {
  const running = new Map<string, number>()

  async function judge({ binding }: Session, question: AuthorizeRequest): Promise<ProspectMessage> {
    try {
      const asked = questionFromMessage(question)
      const { effect, obligations, reason } = await decider.prospect(binding, asked)
      return { effect: effectToMessage(effect, obligations), reason }
    } catch (error) {
      const { code, message } = Fault.from(error)
      if (code === 'internal') logger.error({ error }, 'A review of a chain failed')
      return { effect: Effect.DENY, error: message }
    }
  }

  return async function review(
    session: Session,
    questions: readonly AuthorizeRequest[],
  ): Promise<ProspectMessage[]> {
    if (questions.length > QUESTIONS_MAX) {
      throw new Fault('request_invalid', `A review may have at most ${QUESTIONS_MAX} questions`)
    }
    const pod = session.binding.podUid
    const calls = running.get(pod) ?? 0
    if (calls >= CALLS_PER_POD_MAX) {
      throw new Fault('overloaded', 'Too many reviews of this pod are under way; try again')
    }
    running.set(pod, calls + 1)
    try {
      const prospects: ProspectMessage[] = []
      for (let from = 0; from < questions.length; from += CONCURRENT_MAX) {
        const together = questions.slice(from, from + CONCURRENT_MAX)
        prospects.push(...(await Promise.all(together.map((one) => judge(session, one)))))
      }
      return prospects
    } finally {
      const left = (running.get(pod) ?? 1) - 1
      if (left === 0) running.delete(pod)
      else running.set(pod, left)
    }
  }
}
