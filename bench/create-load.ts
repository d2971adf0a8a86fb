import { Agent, request } from 'node:https'
import { z } from 'zod'
import { runLoadProgram } from './load-program.ts'

/*
 * Creates many objects of one kind, a process of its own. Reads what to do as JSON from standard input and
 * writes what the API server answered as JSON to standard output.
 */

export const createLoadOptions = z.strictObject({
  /** `https://host:port` of kube-apiserver, and the collection. */
  origin: z.string(),
  path: z.string(),
  caPem: z.string(),
  /** Whose client certificate. */
  client: z.strictObject({ cert: z.string(), key: z.string() }),
  /** What is created; each gets a name of its own. */
  object: z.looseObject({ metadata: z.record(z.string(), z.unknown()) }),
  namePrefix: z.string(),
  count: z.int().positive(),
  /** Requests under way at the same time, each over a connection of its own. */
  inFlight: z.int().positive(),
})
type Options = z.infer<typeof createLoadOptions>

export const createLoadResult = z.strictObject({
  created: z.int().nonnegative(),
  seconds: z.number().positive(),
  /** Every other answer: its status and its words, with how often it came. */
  others: z.record(z.string(), z.int().positive()),
})
type Result = z.infer<typeof createLoadResult>

const TIMEOUT_MS = 60_000
const WORDS_MAX = 300

async function main(options: Options): Promise<Result> {
  const { count, inFlight, caPem, client } = options
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight, ca: caPem, ...client })
  const others = new Map<string, number>()
  const began = performance.now()
  let [next, created] = [0, 0]
  const createOneAfterTheOther = async () => {
    while (next < count) {
      next += 1
      const answer = await createOne(agent, `${options.namePrefix}${next}`, options)
      if (answer === '') created += 1
      else others.set(answer, (others.get(answer) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, createOneAfterTheOther))
  agent.destroy()
  const seconds = (performance.now() - began) / 1_000
  return { created, seconds, others: Object.fromEntries(others) }
}

/** Resolves with nothing when it was created, else with what happened instead. */
function createOne(agent: Agent, name: string, options: Options): Promise<string> {
  const { origin, path, object } = options
  const body = JSON.stringify({ ...object, metadata: { ...object.metadata, name } })
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve) => {
    const call = request(`${origin}${path}`, {
      ...{ agent, method: 'POST', headers, timeout: TIMEOUT_MS },
    })
    call.once('timeout', () => call.destroy(new Error('timeout')))
    call.once('error', ({ message }) => resolve(message))
    call.once('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.once('error', ({ message }) => resolve(message))
      answer.once('end', () => {
        const words = Buffer.concat(chunks)
          .toString()
          .replaceAll(name, 'NAME')
          .trim()
          .slice(0, WORDS_MAX)
        resolve(answer.statusCode === 201 ? '' : `${answer.statusCode} ${words}`)
      })
    })
    call.end(body)
  })
}

if (import.meta.main) await runLoadProgram(createLoadOptions, main)
