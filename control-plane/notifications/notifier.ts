import { Fault } from '../../core/fault.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Counter } from '../../platform/metrics.ts'
import { type Notice, toSlackBody, toStandardBody } from './notice.ts'
import type { NotificationLog } from './notification-log.ts'
import type { SendResult, SendWebhook } from './send-webhook.ts'
import { signWebhook } from './webhook-signature.ts'
import type { BrokenTarget, WebhookTarget } from './webhook-target.ts'

/** Deliveries that are under way or wait for another try. What is over it is dead immediately, and listed. */
export const WAITING_MAX = 500
/** Tries at the same time for one target, so that a slow one holds up nobody else's. */
const AT_ONCE = 4
/** Waits before the next try: seven more in about an hour. An approver who hears later hears too late. */
export const RETRY_MS = [5_000, 30_000, 120_000, 300_000, 600_000, 900_000, 1_800_000] as const

export interface NotifierDeps {
  /** Reads the targets; what is read counts for one notice, so a changed Secret needs no restart. */
  readonly readTargets: () => Promise<{
    readonly targets: readonly WebhookTarget[]
    readonly broken: readonly BrokenTarget[]
  }>
  readonly send: SendWebhook
  readonly log: NotificationLog
  readonly clock: Clock
  readonly logger: Logger
  readonly counter: Counter<'result'>
}

/** One notice on its way to one target. */
interface Delivery {
  readonly notice: Notice
  readonly webhook: string
  readonly createdAtMs: number
  attempts: number
}

/** Tells targets outside of what happened, with tries and dead letters. Nothing waits for it. */
export class Notifier {
  readonly #deps: NotifierDeps
  readonly #turns = new Map<string, Turns>()
  readonly #cancels = new Set<() => void>()
  #waiting = 0
  #stopped = false

  constructor(deps: NotifierDeps) {
    this.#deps = deps
  }

  /** Begins to tell. Returns immediately and never throws. */
  tell(notice: Notice): void {
    if (this.#stopped) return
    void this.#begin(notice).catch((error: unknown) => {
      this.#deps.logger.error({ error, notice: notice.id }, 'Cannot notify')
    })
  }

  /** Nothing is tried any more. */
  stop(): void {
    this.#stopped = true
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
  }

  async #begin(notice: Notice): Promise<void> {
    const { targets, broken } = await this.#deps.readTargets()
    const createdAtMs = this.#deps.clock.nowMs()
    for (const { name, problem } of broken) {
      this.#end({ notice, webhook: name, createdAtMs, attempts: 0 }, 'Dead', problem)
    }
    const wanted = targets.filter(
      ({ namespaces }) => namespaces === undefined || namespaces.includes(notice.namespace),
    )
    for (const { name } of wanted) {
      const delivery = { notice, webhook: name, createdAtMs, attempts: 0 }
      // The same event after a restart, or told twice: it is under way or done.
      if (this.#deps.log.get(nameOf(delivery)) !== undefined) continue
      if (this.#waiting >= WAITING_MAX) {
        this.#end(delivery, 'Dead', `${WAITING_MAX} notifications are waiting already`)
        continue
      }
      this.#waiting += 1
      this.#put(delivery, 'Waiting', '')
      void this.#try(delivery)
    }
  }

  async #try(delivery: Delivery): Promise<void> {
    if (this.#stopped) return
    delivery.attempts += 1
    const result = await this.#turn(delivery.webhook).take(() => this.#sendOnce(delivery))
    const waitMs = RETRY_MS[delivery.attempts - 1]
    if (result.result === 'taken') return this.#finish(delivery, 'Delivered', '')
    if (result.result === 'refused' || waitMs === undefined) {
      return this.#finish(delivery, 'Dead', result.why)
    }
    this.#wait(delivery, Math.max(waitMs, result.retryAfterMs ?? 0), result.why)
  }

  /** By the target as it is now: an address or a key may have been mended meanwhile. */
  async #sendOnce({ notice, webhook }: Delivery): Promise<SendResult> {
    try {
      const { targets } = await this.#deps.readTargets()
      const target = targets.find(({ name }) => name === webhook)
      if (target === undefined) return { result: 'refused', why: 'the webhook was taken away' }
      const body = target.format === 'slack' ? toSlackBody(notice) : toStandardBody(notice)
      const atSeconds = Math.floor(this.#deps.clock.nowMs() / 1_000)
      return await this.#deps.send(
        target,
        signWebhook(target.keys, { id: notice.id, atSeconds, body }),
        body,
      )
    } catch (error) {
      // Converted: a try that failed here is tried again as every other.
      return { result: 'failed', why: Fault.from(error).message }
    }
  }

  #wait(delivery: Delivery, ms: number, reason: string): void {
    const cancel = this.#deps.clock.after(ms, () => {
      this.#cancels.delete(cancel)
      void this.#try(delivery)
    })
    this.#cancels.add(cancel)
    this.#put(delivery, 'Waiting', reason, this.#deps.clock.nowMs() + ms)
  }

  #finish(delivery: Delivery, phase: 'Delivered' | 'Dead', reason: string): void {
    this.#waiting -= 1
    this.#end(delivery, phase, reason)
  }

  #end(delivery: Delivery, phase: 'Delivered' | 'Dead', reason: string): void {
    this.#put(delivery, phase, reason)
    this.#deps.counter.inc({ result: phase === 'Dead' ? 'dead' : 'delivered' })
    if (phase === 'Delivered') return
    const { webhook, notice, attempts } = delivery
    this.#deps.logger.warn(
      { webhook, notice: notice.id, attempts, reason },
      'Gave a notification up',
    )
  }

  #put(
    delivery: Delivery,
    phase: 'Waiting' | 'Delivered' | 'Dead',
    reason: string,
    nextAttemptAtMs?: number,
  ): void {
    const { notice, webhook, attempts, createdAtMs } = delivery
    this.#deps.log.put({
      ...{ name: nameOf(delivery), namespace: notice.namespace, request: notice.request },
      ...{ type: notice.type, webhook, attempts, createdAtMs, phase, reason },
      ...(attempts === 0 ? {} : { lastAttemptAtMs: this.#deps.clock.nowMs() }),
      ...(nextAttemptAtMs === undefined ? {} : { nextAttemptAtMs }),
    })
  }

  #turn(webhook: string): Turns {
    const turns = this.#turns.get(webhook) ?? new Turns(AT_ONCE)
    this.#turns.set(webhook, turns)
    return turns
  }
}

function nameOf({ notice, webhook }: Pick<Delivery, 'notice' | 'webhook'>): string {
  return `${notice.id}-${webhook}`
}

/** Lets so many run at the same time; the others wait in their order. */
class Turns {
  #free: number
  readonly #queue: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async take<Value>(run: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#queue.push(resolve))
    try {
      return await run()
    } finally {
      const next = this.#queue.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
