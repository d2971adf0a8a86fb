import { isPlainRead } from '../../core/authorization/plain-read.ts'
import type { Question } from '../../core/authorization/question.ts'
import { FAULTS, Fault } from '../../core/fault.ts'
import { isFree } from '../../core/policy/obligations.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type {
  DecisionReply,
  ForeseenRead,
  OutcomeReport,
} from '../../proxy/judgement/authorizer.ts'
import type { SidecarMetrics } from '../sidecar-metrics.ts'
import type { DecisionStream } from './decision-stream.ts'
import { type UnsettledRead, UnsettledReads } from './unsettled-reads.ts'

export interface ReadsAheadOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<SidecarMetrics, 'readsAhead'>
  /** Says what became of a request that is on record. */
  readonly report: (outcome: OutcomeReport) => void
}

/**
 * Plain reads that are sent ahead of their decisions. Each of them comes to be on record: decided, or, when no
 * decision came, as one whose answer was thrown away.
 */
export class ReadsAhead {
  readonly #options: ReadsAheadOptions
  readonly #unsettled: UnsettledReads

  constructor(options: ReadsAheadOptions) {
    const { clock, logger, report } = options
    this.#options = options
    this.#unsettled = new UnsettledReads({
      clock,
      onSettled: report,
      onFailed: (error, { decisionId }) =>
        logger.warn({ error, decisionId }, 'Cannot put a read that was sent ahead on record yet'),
    })
  }

  /** Undefined when the request must wait for its decision; nothing is asked then. */
  foresee(
    stream: Pick<DecisionStream, 'foresee'>,
    question: Question,
    ask: (decisionId: string) => Promise<DecisionReply>,
  ): ForeseenRead | undefined {
    if (this.#unsettled.size > 0 || !isPlainRead(question)) return undefined
    const decisionId = stream.foresee(question)
    if (decisionId === undefined) return undefined
    const reply = this.#settle(question, decisionId, ask(decisionId))
    // Whoever sends the request may look at the reply only once there is an answer to throw away.
    reply.catch(() => undefined)
    return { decisionId, reply }
  }

  /** Whether a read is still to be put on record, as one that nobody decided. */
  isUnsettled(decisionId: string): boolean {
    return this.#unsettled.has(decisionId)
  }

  /** A stream serves: tells over it of what nobody decided. */
  connect(stream: Pick<DecisionStream, 'ask'>): void {
    this.#unsettled.connect((read) => putOnRecord(stream, read))
  }

  disconnect(): void {
    this.#unsettled.disconnect()
  }

  async #settle(
    question: Question,
    decisionId: string,
    asked: Promise<DecisionReply>,
  ): Promise<DecisionReply> {
    const { readsAhead } = this.#options.metrics
    try {
      const reply = await asked
      if (reply.id !== decisionId) throw this.#otherId(reply)
      const allowed = reply.effect === 'allow' && isFree(reply.obligations)
      readsAhead.inc({ result: allowed ? 'allowed' : 'withheld' })
      return reply
    } catch (error) {
      readsAhead.inc({ result: 'withheld' })
      const fault = asUnavailable(Fault.from(error))
      this.#unsettled.add({ decisionId, question, fault })
      throw fault
    }
  }

  /** The record has another id than the request: whoever decided takes no ids of sidecars. */
  #otherId({ id: decisionId }: DecisionReply): Fault {
    const fault = new Fault('decision_unavailable', WITHHELD)
    const { httpStatus } = FAULTS[fault.code]
    const outcome = { httpStatus, fault: fault.code, responseBytes: 0n, withheld: true }
    this.#options.report({ decisionId, ...outcome })
    return fault
  }
}

const WITHHELD =
  'The control plane did not decide this request, so the answer to it is withheld; try again'

/** What the caller may be told: nothing was wrong with the request. */
function asUnavailable(fault: Fault): Fault {
  if (FAULTS[fault.code].retry) return fault
  return new Fault('decision_unavailable', WITHHELD, { cause: fault })
}

/** Has the control plane record a read that nobody decided; resolves with the id of the record. */
async function putOnRecord(
  stream: Pick<DecisionStream, 'ask'>,
  { decisionId, question, fault }: UnsettledRead,
): Promise<string> {
  const refusedBecause = `sent ahead of its decision as ${decisionId}; no decision came (${fault.code}), and the API server's answer was thrown away`
  const { id } = await stream.ask({ ...question, refusedBecause }, decisionId)
  return id
}
