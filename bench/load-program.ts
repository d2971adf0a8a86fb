import { json } from 'node:stream/consumers'
import type { z } from 'zod'

/**
 * Runs a program that is a process of its own: what to do comes as JSON over standard input, what happened
 * goes as JSON to standard output. Throws for what `schema` does not take.
 */
export async function runLoadProgram<Options>(
  schema: z.ZodType<Options>,
  main: (options: Options) => Promise<unknown>,
): Promise<void> {
  const options = schema.parse(await json(process.stdin))
  process.stdout.write(JSON.stringify(await main(options)))
}
