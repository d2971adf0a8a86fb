import type { MaskedValues } from '../../core/audit/audit-event.ts'
import type { Fault } from '../../core/fault.ts'
import { maskNameOf } from '../../core/masking/mask-profile.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import type { Revoked } from '../judgement/authorizer.ts'
import { countFault } from '../metrics.ts'

/** What an exchange tells: its outcome, counts and log lines. */
export type ExchangeDeps = Pick<ProxyDeps, 'authorizer' | 'logger' | 'metrics'>

/**
 * The life of one permitted request, whichever way its bytes go: from its opening to its end, of which
 * `finish()` reports once what became of it. An answer has begun when there is a status.
 *
 * `failed()` and a revocation say why it ends; ending it is for whoever holds the connections.
 */
export class Exchange {
  readonly permit: Permit
  readonly #deps: ExchangeDeps
  #isOver = false
  #httpStatus = 0
  #fault = ''
  #bytes = 0
  #masked: readonly MaskedValues[] = []
  /** The API server's answer is kept back. */
  #withheld: boolean

  /** `sentAhead`: the request was sent before its decision. */
  constructor(deps: ExchangeDeps, permit: Permit, sentAhead = false) {
    this.#deps = deps
    this.permit = permit
    this.#withheld = sentAhead
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Status that the caller was answered with; 0 before there was an answer. */
  get httpStatus(): number {
    return this.#httpStatus
  }

  /** Whether something went wrong already, so that what follows from it is not told too. */
  get hasFailed(): boolean {
    return this.#fault !== ''
  }

  /** Calls `cut` with the reason, immediately or later, when what allowed the request no longer does. */
  onRevoked(cut: (revoked: Revoked) => void): void {
    this.#deps.authorizer.onRevoked(this.permit.decisionId, (revoked) => {
      this.#fault = revoked.code
      cut(revoked)
    })
  }

  /** The API server's answer is kept back no longer. */
  released(): void {
    this.#withheld = false
  }

  /** An answer begins, of the API server or of ours. */
  began(httpStatus: number): void {
    this.#httpStatus = httpStatus
  }

  /** Bytes of an answer's body, or of a tunnel, that go to the caller. */
  passed(bytes: number): void {
    this.#bytes += bytes
  }

  /** Values of the answer were hidden: so many by each mask. Told once, before the end. */
  masked(counts: ReadonlyMap<string, number>): void {
    if (this.#isOver) return
    this.#masked = [...counts].map(([mask, values]) => ({ mask, values }))
    const { maskedValues } = this.#deps.metrics
    for (const { mask, values } of this.#masked)
      maskedValues.inc({ mask: maskNameOf(mask) }, values)
  }

  /** Forgets the bytes of an answer that the caller does not get after all. */
  discarded(): void {
    this.#bytes = 0
  }

  /** The exchange cannot be completed: counted, and logged with `text` and the fault's cause. */
  failed(fault: Fault, text: string): void {
    this.#fault = fault.code
    countFault(this.#deps.metrics, fault.code)
    const { decisionId } = this.permit
    this.#deps.logger.warn({ error: fault, decisionId }, text)
  }

  /** The exchange is over; reports what became of it. False when that was done before. */
  finish(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    const { metrics, authorizer } = this.#deps
    if (this.#fault === '') metrics.requests.inc({ result: 'allowed' })
    authorizer.report({
      decisionId: this.permit.decisionId,
      httpStatus: this.#httpStatus,
      fault: this.#fault,
      responseBytes: BigInt(this.#bytes),
      ...(this.#withheld ? { withheld: true } : {}),
      ...(this.#masked.length > 0 ? { masked: this.#masked } : {}),
    })
    return true
  }
}
