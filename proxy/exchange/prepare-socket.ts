import type { Duplex } from 'node:stream'

const TCP_KEEP_ALIVE_MS = 30_000

interface SocketOptions {
  allowHalfOpen?: boolean
  setTimeout?(ms: number): void
  setKeepAlive?(on: boolean, delayMs: number): void
  setNoDelay?(on: boolean): void
}

/** Makes a connection one of a tunnel, which may be silent for hours; a peer that is gone is noticed by TCP. */
export function prepareSocket(socket: Duplex & SocketOptions): void {
  socket.allowHalfOpen = true
  socket.setTimeout?.(0)
  socket.setKeepAlive?.(true, TCP_KEEP_ALIVE_MS)
  socket.setNoDelay?.(true)
}
