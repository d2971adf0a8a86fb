import type { Farewell, TunnelObserver } from './tunnel-observer.ts'
import { binaryMessage, closeMessage } from './websocket-frame.ts'
import { WebSocketReader } from './websocket-reader.ts'

/**
 * A SPDY connection inside the messages of a WebSocket, whose borders mean nothing. Both ends read messages in several
 * frames (gorilla/websocket). Source: client-go tools/portforward/tunneling_connection.go (v1.34).
 */
export class WebSocketTunnel implements TunnelObserver {
  readonly #inner: TunnelObserver
  readonly #caller: WebSocketReader
  readonly #server: WebSocketReader

  constructor(inner: TunnelObserver) {
    this.#inner = inner
    const borders = { onMessage: () => undefined, onMessageEnd: () => undefined }
    this.#caller = new WebSocketReader(
      { masked: true, fragments: true },
      { ...borders, onPiece: (bytes) => inner.fromCaller(bytes) },
    )
    this.#server = new WebSocketReader(
      { masked: false, fragments: true },
      { ...borders, onPiece: (bytes) => inner.fromServer(bytes) },
    )
  }

  fromCaller(chunk: Buffer): void {
    this.#caller.push(chunk)
  }

  fromServer(chunk: Buffer): void {
    this.#server.push(chunk)
  }

  farewell(why: Farewell): Buffer {
    if (!this.#server.isBetweenMessages) return Buffer.alloc(0)
    const told = this.#inner.farewell(why)
    return Buffer.concat(
      told.length === 0 ? [closeMessage()] : [binaryMessage(told), closeMessage()],
    )
  }

  finish(): void {
    this.#inner.finish()
  }
}
