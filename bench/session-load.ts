import { z } from 'zod'
import { ExecClient } from './exec-client.ts'
import { runLoadProgram } from './load-program.ts'
import { percentile } from './percentile.ts'

/*
 * The client of the session benchmark, a process of its own in the network of a pod. Reads what to do as JSON from
 * standard input and writes what happened as JSON to standard output.
 */

export const sessionLoadOptions = z.strictObject({
  host: z.string(),
  port: z.int().positive(),
  token: z.string(),
  /** Path of the pod's exec. */
  path: z.string(),
  command: z.array(z.string()).min(1),
  /** Keystrokes that the command echoes, one after the other; 0 takes what it writes by itself. */
  echoes: z.int().nonnegative(),
})
type Options = z.infer<typeof sessionLoadOptions>

export const sessionLoadResult = z.strictObject({
  /** From a keystroke to its echo; 0 without any. */
  p50Ms: z.number().nonnegative(),
  /** From the upgrade until the command has ended. */
  seconds: z.number().positive(),
  /** That the command wrote. */
  bytes: z.int().nonnegative(),
})
type Result = z.infer<typeof sessionLoadResult>

/** The first ones find caches cold. */
const WARM_UP = 0.1

async function main({ echoes, ...target }: Options): Promise<Result> {
  const client = await ExecClient.open({ ...target, stdin: echoes > 0 })
  const began = performance.now()
  const times: number[] = []
  for (let count = 0; count < echoes; count += 1) {
    const ms = await client.echo('x')
    if (count >= WARM_UP * echoes) times.push(ms)
  }
  if (echoes > 0) client.endInput()
  await client.finish()
  const seconds = (performance.now() - began) / 1_000
  const p50Ms = echoes > 0 ? percentile(times, 50) : 0
  return { p50Ms, seconds, bytes: client.received }
}

if (import.meta.main) await runLoadProgram(sessionLoadOptions, main)
