import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { duplexPair } from 'node:stream'
import { buffer } from 'node:stream/consumers'

/** A message as Node's parser (llhttp) read it. */
export interface ReadByNode {
  readonly start: string
  readonly headers: readonly string[]
  readonly body: string
}

/** A server for `readRequestWithNode`; it needs no port. */
export function createReadingServer(): Server {
  const server = createServer({ requireHostHeader: false, maxHeaderSize: 64 * 1024 })
  server.maxHeadersCount = 0
  return server
}

/**
 * All requests that Node's own parser finds in `bytes`; undefined when it refuses any of them, and for
 * one that is not whole.
 */
export function readRequestWithNode(
  server: Server,
  bytes: Buffer,
): Promise<readonly ReadByNode[] | undefined> {
  const [near, far] = duplexPair()
  return new Promise((resolve) => {
    const read: Promise<ReadByNode>[] = []
    const onRequest = (incoming: IncomingMessage) => {
      read.push(wholeOf(incoming, `${incoming.method} ${incoming.url}`))
    }
    const done = (result: Promise<readonly ReadByNode[]> | undefined) => {
      server.off('request', onRequest).off('clientError', refuse)
      near.destroy()
      resolve(result?.catch(() => undefined))
    }
    const refuse = () => done(undefined)
    server.on('request', onRequest).on('clientError', refuse)
    far.on('error', () => undefined)
    server.emit('connection', far)
    near.on('error', () => undefined)
    near.end(bytes)
    far.once('end', () => setImmediate(() => done(Promise.all(read))))
  })
}

/** The answer to a request of `method` that Node's own parser finds; undefined when it refuses it. */
export function readAnswerWithNode(method: string, bytes: Buffer): Promise<ReadByNode | undefined> {
  const [near, far] = duplexPair()
  return new Promise((resolve) => {
    const outgoing = request({
      method,
      createConnection: () => near as never,
      maxHeaderSize: 64 * 1024,
    })
    outgoing.once('response', (incoming) => {
      const start = `${incoming.statusCode} ${incoming.statusMessage}`
      resolve(wholeOf(incoming, start).catch(() => undefined))
    })
    outgoing.on('error', () => resolve(undefined))
    outgoing.end()
    far.on('error', () => undefined)
    far.resume()
    far.end(bytes)
  })
}

async function wholeOf(incoming: IncomingMessage, start: string): Promise<ReadByNode> {
  const body = await buffer(incoming)
  if (!incoming.complete) throw new Error('the body ended early')
  return { start, headers: incoming.rawHeaders, body: body.toString('latin1') }
}
