import { z } from 'zod'
import type { Question } from '../core/authorization/question.ts'
import { SYSTEM_CLOCK } from '../platform/clock.ts'
import { openControlPlaneChannel } from '../sidecar/authorizer/control-plane-channel.ts'
import { DecisionStream } from '../sidecar/authorizer/decision-stream.ts'
import { enroll } from '../sidecar/authorizer/enrolment.ts'
import { runLoadProgram } from './load-program.ts'
import { percentile } from './percentile.ts'

/*
 * The client of the decision benchmark, a process of its own: speaks to a control plane as many
 * sidecars at the same time, with the sidecar's own code. Reads what to do as JSON from standard input and
 * writes what happened as JSON to standard output.
 */

export const decisionLoadOptions = z.strictObject({
  /** `host:port` */
  address: z.string(),
  caPem: z.string(),
  /** One for each stream: a pod's token for the control plane. */
  tokens: z.array(z.string()).min(1),
  /** Questions under way at the same time on each stream. */
  inFlight: z.int().positive(),
  warmUpSeconds: z.number().positive(),
  /** How long it is measured at most. */
  seconds: z.number().positive(),
  /** Ends once it has measured so many, which keeps CPU comparable where time is not. */
  decisionsMax: z.int().positive().optional(),
  question: z.custom<Question>(),
})
type Options = z.infer<typeof decisionLoadOptions>

export const decisionLoadResult = z.strictObject({
  /** Allowed and answered while it was measured. */
  decisions: z.int().nonnegative(),
  seconds: z.number().positive(),
  /** Allowed and answered altogether; so many must be on record. */
  answered: z.int().nonnegative(),
  /** CPU of this process while it was measured. */
  cpuMs: z.number().nonnegative(),
  /** From a question to its answer. */
  p50Ms: z.number().nonnegative(),
})
type Result = z.infer<typeof decisionLoadResult>

const TIMEOUT_MS = 10_000
const RECONNECT_MS = { min: 100, max: 1_000 }

async function main(options: Options): Promise<Result> {
  let answered = 0
  let stopping = false
  const times: number[] = []
  const enough = Promise.withResolvers<void>()
  let enoughAt = 0
  const streams = await Promise.all(options.tokens.map((token) => openStream(token, options)))

  /** Asks one question after the other, and reports each outcome, as a sidecar does. */
  async function keepAsking(stream: (typeof streams)[number]['stream']): Promise<void> {
    while (!stopping) {
      const asked = performance.now()
      const { effect, id } = await stream.ask(options.question)
      times.push(performance.now() - asked)
      if (effect !== 'allow') throw new Error('The question of the benchmark was not allowed')
      answered += 1
      if (answered === enoughAt) enough.resolve()
      stream.send({ decisionId: id, httpStatus: 200, fault: '', responseBytes: 3_000n })
    }
  }

  const asking = streams.flatMap(({ stream }) =>
    Array.from({ length: options.inFlight }, () => keepAsking(stream)),
  )
  const all = Promise.all(asking)
  await Promise.race([all, sleep(options.warmUpSeconds)])
  const before = answered
  times.length = 0
  const { decisionsMax = Number.POSITIVE_INFINITY } = options
  enoughAt = before + decisionsMax
  const cpuBefore = process.cpuUsage()
  const began = performance.now()
  await Promise.race([all, enough.promise, sleep(options.seconds)])
  const seconds = (performance.now() - began) / 1_000
  const decisions = answered - before
  const { user, system } = process.cpuUsage(cpuBefore)
  const p50Ms = percentile(times, 50)
  stopping = true
  await all
  await Promise.all(streams.map(({ stream }) => stream.finish(TIMEOUT_MS)))
  for (const { channel } of streams) channel.close()
  return { decisions, seconds, answered, cpuMs: (user + system) / 1_000, p50Ms }
}

/** Each over a connection of its own, since each sidecar has one. */
async function openStream(token: string, { address, caPem }: Options) {
  const channel = openControlPlaneChannel({
    serverName: '',
    address,
    caPem,
    keepaliveMs: TIMEOUT_MS,
    reconnectMs: RECONNECT_MS,
  })
  const { session, ids } = await enroll(channel.enrolment, token, SYSTEM_CLOCK)
  const stream = new DecisionStream({
    client: channel.authorization,
    session,
    ids,
    timeoutMs: TIMEOUT_MS,
    clock: SYSTEM_CLOCK,
    onAlive() {},
    onDecision() {},
    onLateDecision() {},
    onRevocation() {
      throw new Error('Nothing changes while it is measured, and yet a request was revoked')
    },
  })
  return { channel, stream }
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
}

if (import.meta.main) await runLoadProgram(decisionLoadOptions, main)
