import { type ServiceError, status } from '@grpc/grpc-js'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import { shortenExec } from '../../core/kubernetes/shorten-exec.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Authorizer, DecisionReply } from '../../proxy/judgement/authorizer.ts'
import type { SidecarMetrics } from '../sidecar-metrics.ts'
import { createBackoff } from './backoff.ts'
import { ReviewTurns, reviewChain } from './chain-review.ts'
import { openControlPlaneChannel } from './control-plane-channel.ts'
import { type DecisionStream, openDecisionStream } from './decision-stream.ts'
import { enroll, type Session } from './enrolment.ts'
import { createOpenDecisions } from './open-decisions.ts'
import { createOutcomeQueue } from './outcome-queue.ts'
import { startTimer } from './timer.ts'

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
  readonly logger: Logger
  readonly metrics: SidecarMetrics
}

/** Asks the control plane, over one connection for the whole process. */
export interface ControlPlaneAuthorizer extends Authorizer {
  /** Why requests cannot be decided now; undefined when they can. */
  problem(): string | undefined
  /** Sends what is left to say and disconnects. */
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 5_000
const FINISH_MS = 3_000
const RENEW_AGAIN_MS = 5_000
const RECONNECT_MS = { min: 100, max: 2_000 }

/** Starts to connect and returns at once; requests that come before wait `reconnectWaitMs`. */
export function createAuthorizer(options: AuthorizerOptions): ControlPlaneAuthorizer {
  const { logger, metrics } = options
  const openChannel = () => openControlPlaneChannel({ ...options, reconnectMs: RECONNECT_MS })
  let channel = openChannel()
  const outcomes = createOutcomeQueue({
    max: options.openRequestsMax,
    nowMs: () => performance.now(),
  })
  const backoff = createBackoff({
    minMs: RECONNECT_MS.min,
    maxMs: RECONNECT_MS.max,
    random: Math.random,
  })
  const open = createOpenDecisions()
  const turns = new ReviewTurns()
  const closing = Promise.withResolvers<'closing'>()
  let closed = false
  let current: DecisionStream | undefined
  let connected = Promise.withResolvers<DecisionStream>()
  let session: Session | undefined
  let waiting = 0

  async function authorize(question: Question): Promise<DecisionReply> {
    if (outcomes.isFull()) {
      throw new Fault(
        'audit_unavailable',
        'Too many outcomes wait for the control plane; try again',
      )
    }
    if (waiting >= options.waitingRequestsMax) {
      throw new Fault('overloaded', 'Too many requests of this pod wait for a decision; try again')
    }
    waiting += 1
    try {
      const stream = current ?? (await nextStream())
      return await stream.ask(question)
    } finally {
      waiting -= 1
    }
  }

  async function nextStream(): Promise<DecisionStream> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(
      () =>
        late.reject(
          new Fault(
            'decision_unavailable',
            'The control plane is away, so nothing is allowed; try again',
          ),
        ),
      options.reconnectWaitMs,
    )
    try {
      return await Promise.race([connected.promise, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  function openStream({ value }: Session): DecisionStream {
    const stream = openDecisionStream({
      client: channel.authorization,
      session: value,
      timeoutMs: options.decisionTimeoutMs,
      onAlive: backoff.reset,
      onDecision: ({ effect, id }, asked) => {
        if (effect !== 'allow') return
        // Kept for as long as the request is open: a long command would fill the memory.
        const question = { ...asked, attributes: shortenExec(asked.attributes) }
        open.add(id, question)
        // Decided while the session was renewed: the stream that follows must watch over it.
        if (current !== stream) current?.resume(id, question)
      },
      onLateDecision: ({ id }) =>
        outcomes.add({
          decisionId: id,
          httpStatus: 504,
          fault: 'decision_timeout',
          responseBytes: 0n,
        }),
      onRevocation: (decisionId, message) => {
        metrics.revocations.inc()
        open.revoke(decisionId, message)
      },
    })
    return stream
  }

  function become(stream: DecisionStream): void {
    current = stream
    metrics.connected.set(1)
    // Outcomes first: what has ended need not be watched over again.
    outcomes.connect(stream.send)
    open.forEach(stream.resume)
    connected.resolve(stream)
  }

  function lose(): void {
    // An attempt that failed leaves those who wait for a connection to the next one.
    if (current !== undefined) connected = Promise.withResolvers()
    current = undefined
    metrics.connected.set(0)
    outcomes.disconnect()
  }

  /** Serves until the stream is over; a session that ends soon is replaced without a gap. */
  async function serve(): Promise<void> {
    await ready()
    session = usable(session) ?? (await enrol())
    let stream = openStream(session)
    become(stream)
    for (;;) {
      const renewal = startTimer(session.renewAtMs - Date.now())
      const why = await Promise.race([stream.ended, renewal.done, closing.promise])
      renewal.cancel()
      if (why === 'closing') return
      if (why !== 'time') throw why ?? new Error('the control plane ended the stream')
      session = await renew(session)
      const old = stream
      stream = openStream(session)
      become(stream)
      void old.finish(FINISH_MS)
    }
  }

  /** The old session serves on when there is no new one yet. */
  async function renew(old: Session): Promise<Session> {
    try {
      return await enrol()
    } catch (error) {
      logger.warn({ error }, 'Cannot renew the enrolment')
      return { ...old, renewAtMs: Date.now() + RENEW_AGAIN_MS }
    }
  }

  async function enrol(): Promise<Session> {
    try {
      const found = await enroll(channel.enrolment, options.readToken(), Date.now())
      metrics.enrolments.inc({ result: 'ok' })
      logger.info({ expiresAt: new Date(found.expiresAtMs).toISOString() }, 'Enrolled')
      return found
    } catch (error) {
      metrics.enrolments.inc({ result: 'failed' })
      throw error
    }
  }

  /**
   * A connection that does not come about is given up with its channel: grpc-js would wait for as
   * long as the kernel does, which is two minutes when packets are swallowed.
   */
  async function ready(): Promise<void> {
    try {
      await channel.ready(CONNECT_TIMEOUT_MS)
    } catch (error) {
      channel.close()
      if (!closed) channel = openChannel()
      throw error
    }
  }

  async function run(): Promise<void> {
    while (!closed) {
      try {
        await serve()
      } catch (error) {
        // Recorded, and tried again: until then every request is refused.
        if (isUnauthenticated(error)) session = undefined
        if (!closed) logger.warn({ error }, 'Lost the control plane')
      }
      if (closed) return
      lose()
      const retry = startTimer(backoff.next())
      await Promise.race([retry.done, closing.promise])
      retry.cancel()
    }
  }

  const running = run()

  async function close(): Promise<void> {
    closed = true
    closing.resolve('closing')
    outcomes.flush()
    await current?.finish(FINISH_MS)
    lose()
    channel.close()
    await running
  }

  return {
    authorize,
    review: (questions) =>
      turns.take(async () => {
        if (current === undefined) await nextStream()
        const { value = '' } = session ?? {}
        return reviewChain(channel.authorization, value, questions, options.decisionTimeoutMs)
      }),
    report: (outcome) => {
      open.remove(outcome.decisionId)
      outcomes.add(outcome)
    },
    onRevoked: open.onRevoked,
    problem: () => (current === undefined ? 'no connection to the control plane' : undefined),
    close,
  }
}

function usable(session: Session | undefined): Session | undefined {
  return session !== undefined && session.renewAtMs > Date.now() ? session : undefined
}

function isUnauthenticated(error: unknown): boolean {
  return error instanceof Error && (error as Partial<ServiceError>).code === status.UNAUTHENTICATED
}
