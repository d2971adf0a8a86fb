import { connect, type TLSSocket } from 'node:tls'

/** Where a sidecar serves a container. */
export interface ProxyPlace {
  readonly port: number
  readonly caPem: string
  readonly token: string
}

/** One caller on a connection of its own, which reads as slowly as it is told. */
export interface GreedyCaller {
  /** 0 until an answer has begun, or the connection has ended. */
  readonly httpStatus: number
  readonly retryAfter: boolean
  readonly bytes: number
  readonly closed: boolean
  readonly end: () => void
}

/** Reading: as fast as it comes, or so many bytes about every 100 ms; 0 reads the head alone. */
export interface CallerOptions {
  readonly target: string
  readonly bytesPerTick?: number
}

const TICK_MS = 100

/** Opens a connection, asks once, and reads the answer at the pace given. */
export function callGreedily(
  { port, caPem, token }: ProxyPlace,
  { target, bytesPerTick = Number.POSITIVE_INFINITY }: CallerOptions,
): GreedyCaller {
  const caller = { httpStatus: 0, retryAfter: false, bytes: 0, closed: false, end }
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca: caPem })
  socket.on('secureConnect', () => {
    socket.write(
      `GET ${target} HTTP/1.1\r\nHost: kubernetes.default.svc\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    )
  })
  let budget = bytesPerTick
  const slow = Number.isFinite(bytesPerTick)
  const timer = slow
    ? setInterval(() => {
        budget = bytesPerTick
        if (budget > 0) socket.resume()
      }, TICK_MS)
    : undefined
  socket.on('data', (chunk: Buffer) => {
    if (caller.httpStatus === 0) {
      const head = chunk.toString('latin1')
      caller.httpStatus = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0)
      caller.retryAfter = /^retry-after: \d+/im.test(head)
    }
    caller.bytes += chunk.length
    budget -= chunk.length
    if (budget <= 0) socket.pause()
  })
  // Whoever is cut off sees it as closed.
  socket.on('error', () => undefined)
  socket.on('close', () => {
    caller.closed = true
    clearInterval(timer)
  })
  function end(): void {
    socket.destroy()
  }
  return caller
}
