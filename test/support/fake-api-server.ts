import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createSecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer, type TLSSocket } from 'node:tls'
import { createCertificateAuthority } from '../../platform/certificate-authority.ts'

/** One request as it came over the wire. */
export interface SeenRequest {
  readonly method: string
  readonly target: string
  /** Names and values in turn, in the case in which they were sent. */
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export type RequestHandler = (incoming: IncomingMessage, outgoing: ServerResponse) => void
export type UpgradeHandler = (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * A TLS server in the place of kube-apiserver, for what a real one does not do on demand: it keeps
 * what it was sent and answers as told.
 */
export interface FakeApiServer {
  readonly url: string
  readonly caPem: string
  readonly requests: SeenRequest[]
  /** Every connection that was ever made and is still open. */
  readonly connections: ReadonlySet<TLSSocket>
  /** How the next requests are answered: with an empty object, once the body is there. */
  onRequest(handler: RequestHandler): void
  onUpgrade(handler: UpgradeHandler): void
  /** Takes over whole connections: nothing is parsed, `handler` has the bytes. */
  onConnection(handler: ((socket: TLSSocket) => void) | undefined): void
  /** Serves a certificate of another authority from now on; returns that authority's. */
  replaceAuthority(): Promise<string>
  close(): Promise<void>
}

/**
 * Starts it on a free port of the loopback, with a certificate of its own authority. With `http2` it offers that
 * too; requests over it are answered by the same handlers.
 */
export async function startFakeApiServer({ http2 = false } = {}): Promise<FakeApiServer> {
  const { caPem, cert, key } = await makeCertificate()
  const requests: SeenRequest[] = []
  const connections = new Set<TLSSocket>()
  let respond: RequestHandler = (incoming, outgoing) => {
    incoming.on('end', () => {
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  }
  let upgrade: UpgradeHandler = (_incoming, socket) => socket.destroy()
  let takeOver: ((socket: TLSSocket) => void) | undefined

  // As long a head as kube-apiserver takes.
  const options = { keepAliveTimeout: 120_000, maxHeaderSize: 1024 * 1024 }
  const serve: RequestHandler = (incoming, outgoing) => {
    const chunks: Buffer[] = []
    requests.push(see(incoming, chunks))
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    respond(incoming, outgoing)
  }
  const http = createHttpServer(options, serve)
  const newer = createSecureServer({ cert, key })
  // The same to whoever answers: head, body, end.
  newer.on('request', serve as unknown as (...exchange: unknown[]) => void)
  http.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    requests.push(see(incoming, []))
    socket.on('error', () => socket.destroy())
    upgrade(incoming, socket, head)
  })
  const server = createServer(
    { cert, key, allowHalfOpen: true, ALPNProtocols: [...(http2 ? ['h2'] : []), 'http/1.1'] },
    (socket) => {
      connections.add(socket)
      socket.on('close', () => connections.delete(socket))
      socket.on('error', () => socket.destroy())
      if (takeOver !== undefined) takeOver(socket)
      else if (socket.alpnProtocol === 'h2') newer.emit('secureConnection', socket)
      else http.emit('connection', socket)
    },
  )
  server.on('tlsClientError', () => undefined)
  // Those in the middle of a handshake too: half-open sockets do not end by themselves.
  const raw = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    raw.add(socket)
    socket.on('close', () => raw.delete(socket))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo

  return {
    url: `https://127.0.0.1:${port}`,
    caPem,
    requests,
    connections,
    onRequest: (handler) => {
      respond = handler
    },
    onUpgrade: (handler) => {
      upgrade = handler
    },
    onConnection: (handler) => {
      takeOver = handler
    },
    replaceAuthority: async () => {
      const next = await makeCertificate()
      server.setSecureContext({ cert: next.cert, key: next.key })
      return next.caPem
    },
    close: async () => {
      for (const socket of [...connections, ...raw]) socket.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}

async function makeCertificate(): Promise<{ caPem: string; cert: string; key: string }> {
  const authority = await createCertificateAuthority({ commonName: 'api', validForMs: 3_600_000 })
  const { certificatePem, privateKeyPem } = await authority.issueServerCertificate({
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    validForMs: 3_600_000,
  })
  return { caPem: authority.certificatePem, cert: certificatePem, key: privateKeyPem }
}

/** `chunks`: of the body, as they come. */
function see(incoming: IncomingMessage, chunks: readonly Buffer[]): SeenRequest {
  return {
    method: incoming.method ?? '',
    target: incoming.url ?? '',
    rawHeaders: incoming.rawHeaders,
    headers: incoming.headers,
    get body() {
      return Buffer.concat(chunks)
    },
  }
}
