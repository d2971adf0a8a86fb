import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'

/** What a client has asked for. */
export interface AskedFor {
  readonly path: string
  readonly query: URLSearchParams
  readonly accept: string
}

/** Answers lists and watches of one resource, in pages as a client asks for them, over HTTP on loopback. */
export class ListWatchServer {
  /** What a list answers with. */
  objects: object[] = []
  readonly lists: AskedFor[] = []
  readonly watches: AskedFor[] = []
  readonly #server: Server
  #open: ServerResponse[] = []

  private constructor() {
    this.#server = createServer((incoming, outgoing) => this.#answer(incoming, outgoing))
  }

  static async start(): Promise<ListWatchServer> {
    const made = new ListWatchServer()
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve))
    return made
  }

  get config(): KubeConfig {
    const config = new KubeConfig()
    const { port } = this.#server.address() as AddressInfo
    const cluster = { name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }
    config.loadFromClusterAndUser(cluster, { name: 'u' })
    return config
  }

  #answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { pathname, searchParams } = new URL(incoming.url ?? '', 'http://x')
    const asked = { path: pathname, query: searchParams, accept: incoming.headers.accept ?? '' }
    outgoing.setHeader('content-type', 'application/json')
    if (searchParams.has('watch')) {
      this.watches.push(asked)
      this.#open.push(outgoing)
      outgoing.flushHeaders()
      return
    }
    this.lists.push(asked)
    const from = Number(searchParams.get('continue') ?? 0)
    const until = from + Number(searchParams.get('limit') ?? this.objects.length)
    const rest = until < this.objects.length ? { continue: String(until) } : {}
    const metadata = { resourceVersion: '10', ...rest }
    outgoing.end(JSON.stringify({ items: this.objects.slice(from, until), metadata }))
  }

  /** Tells every open watch. */
  tell(type: string, object: object): void {
    for (const watch of this.#open) watch.write(`${JSON.stringify({ type, object })}\n`)
  }

  /** Tells that what was watched is too old, so that clients list again. */
  expire(): void {
    this.tell('ERROR', { kind: 'Status', code: 410, reason: 'Expired', metadata: {} })
    for (const watch of this.#open) watch.end()
    this.#open = []
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
