import { createServer, type ServerResponse } from 'node:http'
import { request } from 'node:https'
import { failureStatus } from '../../core/kubernetes/status.ts'
import type { AccessApiFixture } from './access-api-fixture.ts'

type Reply = (outgoing: ServerResponse) => void

/** Plain http in front of the access API, for alice, as `kubectl proxy` is; it breaks when told to. */
export interface BreakableProxy {
  readonly url: string
  /** Answer the next requests in the place of the API, each one of them; `pass` lets one through. */
  readonly replies: (Reply | 'pass')[]
  /** When each request for a watch came, and its query. Unix milliseconds. */
  readonly watches: { readonly atMs: number; readonly query: URLSearchParams }[]
  /** Headers of the last request. */
  lastHeaders(): Readonly<Record<string, string | string[] | undefined>>
  /** From now on another API answers. */
  lead(api: AccessApiFixture): void
  /** Resets every connection. */
  cut(): void
  close(): Promise<void>
}

/** Starts it on a port of its own. */
export async function startBreakableProxy(first: AccessApiFixture): Promise<BreakableProxy> {
  const replies: (Reply | 'pass')[] = []
  const watches: BreakableProxy['watches'] = []
  let api = first
  let lastHeaders: BreakableProxy['lastHeaders'] extends () => infer Headers ? Headers : never = {}
  const server = createServer((incoming, outgoing) => {
    const { searchParams } = new URL(incoming.url ?? '/', 'http://proxy')
    if (searchParams.has('watch')) watches.push({ atMs: Date.now(), query: searchParams })
    lastHeaders = incoming.headers
    const reply = replies.shift()
    if (reply !== undefined && reply !== 'pass') return reply(outgoing)
    const forwarded = request({
      host: '127.0.0.1',
      port: api.port,
      path: incoming.url ?? '/',
      agent: false,
      ca: api.serving.certificatePem,
      cert: api.frontProxy.certificatePem,
      key: api.frontProxy.privateKeyPem,
      headers: { 'x-remote-user': 'alice' },
    })
    forwarded.once('error', () => outgoing.destroy())
    forwarded.once('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      outgoing.flushHeaders()
      response.once('error', () => outgoing.destroy())
      response.pipe(outgoing)
    })
    outgoing.once('close', () => forwarded.destroy())
    forwarded.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    replies,
    watches,
    lastHeaders: () => lastHeaders,
    lead(other) {
      api = other
    },
    cut: () => server.closeAllConnections(),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A failure as kube-apiserver tells it. */
export function refuses(status: number, message = 'not now'): Reply {
  return (outgoing) => {
    outgoing.writeHead(status, { 'content-type': 'application/json' })
    outgoing.end(JSON.stringify(failureStatus(status, 'Test', message)))
  }
}

/** A watch that is over when it begins, after these lines. */
export function endsAtOnce(...lines: readonly unknown[]): Reply {
  return (outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    outgoing.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  }
}
