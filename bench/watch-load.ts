import { request } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { z } from 'zod'

/*
 * The client of the watch benchmark, a process of its own in a pod's network: opens many watches of one ConfigMap,
 * says "open", waits for a line, changes the ConfigMap many times, and writes as JSON how quickly all watches
 * had all events. Ends with its standard input. The first line of that is what to do, as JSON.
 */

export const watchLoadOptions = z.strictObject({
  host: z.string(),
  port: z.int(),
  token: z.string(),
  watches: z.int().positive(),
  events: z.int().positive(),
  /** Changes that may be ahead of the watch that is last. */
  ahead: z.int().positive(),
  /** Of a collection, and the label that the one object has. */
  collection: z.string(),
  name: z.string(),
  /** Where the changes go, directly. */
  writer: z.strictObject({ origin: z.string(), token: z.string() }),
})
type Options = z.infer<typeof watchLoadOptions>

export const watchLoadResult = z.strictObject({
  /** Events that arrived, of all watches together, and how long that took. */
  arrived: z.int().nonnegative(),
  seconds: z.number().positive(),
})

/** Stands once in each event, and in nothing else of an answer. */
const MARK = 0x7e
const OPEN_AT_ONCE = 25
const IDLE_MS_MAX = 20_000

/** One open watch: how many events it has had. */
class Watch {
  readonly #socket: TLSSocket
  readonly #onEvent: () => void
  /** Resolves when the answer has begun. Rejects when it is none of 200. */
  readonly opened: Promise<void>
  ended: string | undefined
  events = 0

  constructor(options: Options, onEvent: () => void) {
    const { host, port } = options
    this.#onEvent = onEvent
    // The server's certificate is not what is measured.
    this.#socket = connect({ host, port, rejectUnauthorized: false, servername: '' })
    this.#socket.once('error', ({ message }) => this.#end(message))
    this.#socket.once('close', () => this.#end('closed'))
    this.opened = new Promise((resolve, reject) => {
      this.#socket.once('error', reject)
      this.#socket.once('data', (chunk: Buffer) => {
        const [line = ''] = chunk.toString('latin1').split('\r\n')
        if (line.startsWith('HTTP/1.1 200')) resolve()
        else reject(new Error(`A watch was answered: ${chunk.toString().slice(0, 400)}`))
        this.#socket.on('data', (bytes: Buffer) => this.#count(bytes))
      })
    })
    this.#socket.write(watchRequest(options))
  }

  #count(bytes: Buffer): void {
    for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
      this.events += 1
      this.#onEvent()
    }
  }

  #end(why: string): void {
    this.ended ??= why
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

function watchRequest({ collection, name, token }: Options): string {
  const query = `watch=true&fieldSelector=metadata.name%3D${name}`
  const head = [`GET ${collection}?${query} HTTP/1.1`, 'Host: kubernetes.default.svc']
  return [...head, `Authorization: Bearer ${token}`, 'Accept: application/json', '', ''].join(
    '\r\n',
  )
}

async function openAll(options: Options, onEvent: () => void): Promise<readonly Watch[]> {
  const watches: Watch[] = []
  while (watches.length < options.watches) {
    const some = Math.min(OPEN_AT_ONCE, options.watches - watches.length)
    const opened = Array.from({ length: some }, () => new Watch(options, onEvent))
    await Promise.all(opened.map((watch) => watch.opened))
    watches.push(...opened)
  }
  return watches
}

/** Changes the object one time after the other, never further ahead of the events than it may. */
async function run(options: Options, watches: readonly Watch[], total: () => number) {
  const wanted = options.events * options.watches
  const began = performance.now()
  let lastChange = began
  const until = async (arrived: number) => {
    let seen = total()
    while (total() < arrived) {
      const ended = watches.find((watch) => watch.ended !== undefined)
      if (ended !== undefined) throw new Error(`A watch ended: ${ended.ended}`)
      if (total() > seen) [seen, lastChange] = [total(), performance.now()]
      if (performance.now() - lastChange > IDLE_MS_MAX) throw new Error('No event comes any more')
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  for (let event = 1; event <= options.events; event += 1) {
    lastChange = performance.now()
    await change(options, event)
    await until((event - options.ahead) * options.watches)
  }
  await until(wanted)
  return { arrived: total(), seconds: (performance.now() - began) / 1_000 }
}

function change({ writer, collection, name }: Options, event: number): Promise<void> {
  const body = JSON.stringify({ data: { mark: '~', event: String(event), text: 'x'.repeat(500) } })
  return new Promise((resolve, reject) => {
    const call = request(`${writer.origin}${collection}/${name}`, {
      method: 'PATCH',
      rejectUnauthorized: false,
      servername: '',
      headers: {
        authorization: `Bearer ${writer.token}`,
        'content-type': 'application/merge-patch+json',
        'content-length': Buffer.byteLength(body),
      },
    })
    call.once('error', reject)
    call.once('response', (answer) => {
      answer.resume()
      answer.once('end', () =>
        answer.statusCode === 200
          ? resolve()
          : reject(new Error(`The change was answered with ${answer.statusCode}`)),
      )
    })
    call.end(body)
  })
}

if (import.meta.main) {
  const lines = readLines()
  const options = watchLoadOptions.parse(JSON.parse((await lines.next()).value ?? ''))
  let arrived = 0
  const watches = await openAll(options, () => {
    arrived += 1
  })
  process.stdout.write('open\n')
  await lines.next()
  const result = await run(options, watches, () => arrived)
  process.stdout.write(`${JSON.stringify(result)}\n`)
  // Open until they have been looked at.
  await lines.next()
  for (const watch of watches) watch.destroy()
  process.exit(0)
}

async function* readLines(): AsyncGenerator<string, undefined> {
  let text = ''
  for await (const chunk of process.stdin) {
    text += String(chunk)
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield text.slice(0, end)
      text = text.slice(end + 1)
    }
  }
  return undefined
}
