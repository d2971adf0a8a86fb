import { type ChannelCoding, ChannelReader } from './channel-reader.ts'
import type { ForwardEvents } from './forward-events.ts'
import type { Farewell, TunnelObserver } from './tunnel-observer.ts'
import { Unreadable } from './unreadable.ts'
import { binaryMessage, closeMessage, textMessage } from './websocket-frame.ts'

export interface WebSocketForwardOptions {
  readonly coding: ChannelCoding
  /** In the order in which the request names them. */
  readonly ports: readonly number[]
  readonly events: ForwardEvents
}

/** Each channel begins with its port. */
const PORT_BYTES = 2

/**
 * A port-forward over the channels of a WebSocket, two for each port that the request names: data and errors. Source:
 * cri-streaming portforward/websocket.go (v0.37).
 */
export class WebSocketForward implements TunnelObserver {
  readonly #options: WebSocketForwardOptions
  readonly #connections: readonly number[]
  readonly #caller: ChannelReader
  readonly #server: ChannelReader

  constructor(options: WebSocketForwardOptions) {
    const { coding, events, ports } = options
    this.#options = options
    const connections = ports.map((port) => events.open(port))
    this.#connections = connections
    const check = (channel: number) => {
      if (channel < connections.length * 2) return
      throw new Unreadable(`a message on the channel ${channel}, which the request did not ask for`)
    }
    const rest = { onChannelMessage: () => undefined, onChannelClosed: check }
    this.#caller = new ChannelReader({ masked: true, fragments: false }, coding, {
      ...rest,
      onChannel: (channel, bytes) => {
        check(channel)
        if (channel % 2 === 0) events.toPod(connections[channel / 2] ?? 0, bytes.length)
      },
    })
    const named = connections.flatMap(() => [-PORT_BYTES, -PORT_BYTES])
    this.#server = new ChannelReader({ masked: false, fragments: true }, coding, {
      ...rest,
      onChannel: (channel, bytes) => {
        check(channel)
        const before = named[channel] ?? 0
        named[channel] = Math.min(0, before + bytes.length)
        const rest = bytes.subarray(Math.min(bytes.length, -before))
        const connection = connections[channel >> 1] ?? 0
        if (rest.length === 0) return
        if (channel % 2 === 0) events.fromPod(connection, rest.length)
        else events.failed(connection, rest)
      },
    })
  }

  fromCaller(chunk: Buffer): void {
    this.#caller.push(chunk)
  }

  fromServer(chunk: Buffer): void {
    this.#server.push(chunk)
  }

  farewell({ message }: Farewell): Buffer {
    if (!this.#server.isBetweenMessages) return Buffer.alloc(0)
    const said = Buffer.from(message)
    const told = this.#connections.map((_, index) => {
      const channel = index * 2 + 1
      return this.#options.coding.base64
        ? textMessage(`${String.fromCharCode(0x30 + channel)}${said.toString('base64')}`)
        : binaryMessage(Buffer.concat([Buffer.from([channel]), said]))
    })
    return Buffer.concat([...told, closeMessage()])
  }

  finish(): void {
    this.#options.events.finish()
  }
}
