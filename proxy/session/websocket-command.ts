import { type ChannelCoding, ChannelReader, type ChannelSink } from './channel-reader.ts'
import type { CommandEvents } from './command-events.ts'
import type { Farewell, TunnelObserver } from './tunnel-observer.ts'
import { Unreadable } from './unreadable.ts'
import { binaryMessage, closeMessage, textMessage } from './websocket-frame.ts'

/** Channels of an exec or attach. Source: apimachinery/pkg/util/remotecommand/constants.go (v1.34). */
const STDIN = 0
const STDOUT = 1
const STDERR = 2
const ERROR = 3
const RESIZE = 4

export interface WebSocketCommandOptions {
  readonly coding: ChannelCoding
  /** Whether the error channel carries a `Status`. */
  readonly endsWithStatus: boolean
  readonly events: CommandEvents
}

/** An exec or attach over the channels of a WebSocket. */
export class WebSocketCommand implements TunnelObserver {
  readonly #options: WebSocketCommandOptions
  readonly #caller: ChannelReader
  readonly #server: ChannelReader

  constructor(options: WebSocketCommandOptions) {
    const { coding, events } = options
    this.#options = options
    this.#caller = new ChannelReader({ masked: true, fragments: false }, coding, fromCaller(events))
    this.#server = new ChannelReader({ masked: false, fragments: true }, coding, fromServer(events))
  }

  fromCaller(chunk: Buffer): void {
    this.#caller.push(chunk)
  }

  fromServer(chunk: Buffer): void {
    this.#server.push(chunk)
  }

  farewell({ status, message }: Farewell): Buffer {
    const { coding, endsWithStatus, events } = this.#options
    if (!this.#server.isBetweenMessages) return Buffer.alloc(0)
    if (events.hasEnding) return closeMessage()
    const said = Buffer.from(endsWithStatus ? status : message)
    const told = coding.base64
      ? textMessage(`${ERROR}${said.toString('base64')}`)
      : binaryMessage(Buffer.concat([Buffer.from([ERROR]), said]))
    return Buffer.concat([told, closeMessage()])
  }

  say(text: Buffer, where: 'output' | 'error_output'): Buffer | undefined {
    if (!this.#server.isBetweenMessages || this.#options.events.hasEnding) return undefined
    const channel = where === 'output' ? STDOUT : STDERR
    return this.#options.coding.base64
      ? textMessage(`${channel}${text.toString('base64')}`)
      : binaryMessage(Buffer.concat([Buffer.from([channel]), text]))
  }

  finish(): void {
    this.#options.events.finish()
  }
}

function fromCaller(events: CommandEvents): ChannelSink {
  const check = (channel: number) => {
    if (channel !== STDIN && channel !== RESIZE) throw unknownChannel(channel)
  }
  return {
    onChannel: (channel, bytes) => {
      check(channel)
      if (channel === STDIN) events.input(bytes)
      else events.resize(bytes)
    },
    // An empty message says nothing on any channel.
    onChannelMessage: () => undefined,
    onChannelClosed: (channel) => {
      if (channel > RESIZE) throw unknownChannel(channel)
    },
  }
}

function fromServer(events: CommandEvents): ChannelSink {
  return {
    onChannel: (channel, bytes) => {
      if (channel === STDOUT) events.output(bytes)
      else if (channel === STDERR) events.errorOutput(bytes)
      else if (channel === ERROR) events.error(bytes)
      else throw unknownChannel(channel)
    },
    onChannelMessage: (channel) => {
      if (channel === ERROR) events.errorEnded()
    },
    onChannelClosed: (channel) => {
      if (channel > RESIZE) throw unknownChannel(channel)
    },
  }
}

function unknownChannel(channel: number): Unreadable {
  return new Unreadable(`a message on the channel ${channel}, which carries nothing this way`)
}
