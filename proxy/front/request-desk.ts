import type { Socket } from 'node:net'
import { Fault } from '../../core/fault.ts'
import { MEMORY_LIMIT_ANNOTATION } from '../../core/names.ts'
import { answerCaller, faultAnswer } from '../answer/answer.ts'
import type { CallerAnswer } from '../caller/caller-answer.ts'
import type { CallerHandler, Problem, ServedConnection } from '../caller/caller-handler.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import { isUpgrade } from '../judgement/parse-upgrade.ts'
import { countFault } from '../metrics.ts'
import { createApp, handleRequest } from './app.ts'
import { HeadBudget } from './head-budget.ts'
import { malformedAnswer } from './malformed-answer.ts'
import { longHeadBytesThatFit } from './memory-budget.ts'
import { OpenRequests } from './open-requests.ts'

/** Where requests are taken in: within bounds, and none any more once it drains. */
export class RequestDesk implements CallerHandler {
  readonly #deps: ProxyDeps
  readonly #app: ReturnType<typeof createApp>
  readonly #open: OpenRequests
  readonly #heads: HeadBudget
  #isClosing = false

  constructor(deps: ProxyDeps) {
    this.#deps = deps
    this.#app = createApp(deps)
    this.#open = new OpenRequests(deps)
    this.#heads = new HeadBudget(longHeadBytesThatFit(deps.memoryLimitBytes))
  }

  mayStay(): boolean {
    return !this.#isClosing
  }

  asksForTunnel(request: CallerRequest): boolean {
    return isUpgrade(request)
  }

  onRequest(request: CallerRequest, answer: CallerAnswer, connection: ServedConnection): void {
    const { metrics, logger } = this.#deps
    if (this.#open.isFull() || !this.#heads.take(request, (release) => answer.onClose(release))) {
      countFault(metrics, 'overloaded')
      answerCaller(answer, faultAnswer(tooMany(this.#deps)))
      return
    }
    this.#open.add(connection.socket as Socket, answer)
    handleRequest(this.#app, { request, answer, connection }).catch((error: unknown) => {
      logger.error({ error: Fault.from(error) }, 'Cannot serve the request')
      answer.destroy()
    })
  }

  onMalformed(problem: Problem, answer: CallerAnswer): void {
    if (problem !== 'late') this.#deps.metrics.malformed.inc()
    answerCaller(answer, malformedAnswer(problem))
  }

  /** A handshake that failed; one that was given up is no fault. */
  countMalformed(error: NodeJS.ErrnoException): void {
    if (error.code !== 'ECONNRESET') this.#deps.metrics.malformed.inc()
  }

  /** Whether a request is being served on a connection, which is known by its ends. */
  isBusy(connection: Parameters<OpenRequests['isBusy']>[0]): boolean {
    return this.#open.isBusy(connection)
  }

  /** Lets callers keep no connection, and resolves when every open request has been reported. */
  drained(): Promise<void> {
    this.#isClosing = true
    return this.#open.drained()
  }
}

function tooMany({ openRequestsMax, memoryLimitBytes }: ProxyDeps): Fault {
  const limit =
    memoryLimitBytes === 0 ? '' : ` with ${Math.floor(memoryLimitBytes / 2 ** 20)}Mi of memory`
  return new Fault(
    'overloaded',
    `Too many requests of this pod are open: its sidecar takes ${openRequestsMax} at the same time${limit}, and fewer while memory is short; end some, try again, or ask for more with the annotation ${MEMORY_LIMIT_ANNOTATION}`,
  )
}
