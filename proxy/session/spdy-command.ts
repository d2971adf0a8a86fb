import type { CommandEvents } from './command-events.ts'
import { lastSpdyData, spdyData } from './spdy-frame.ts'
import { SpdyReader } from './spdy-reader.ts'
import type { Farewell, TunnelObserver } from './tunnel-observer.ts'
import { Unreadable } from './unreadable.ts'

/** Values of the header `streamType`. Source: k8s.io/api/core/v1/types.go (v1.34). */
const TYPES = ['stdin', 'stdout', 'stderr', 'error', 'resize'] as const
type StreamType = (typeof TYPES)[number]

export interface SpdyCommandOptions {
  /** Whether the error stream carries a `Status`. */
  readonly endsWithStatus: boolean
  readonly events: CommandEvents
}

/** An exec or attach over the streams of a SPDY connection. */
export class SpdyCommand implements TunnelObserver {
  readonly #options: SpdyCommandOptions
  readonly #types = new Map<number, StreamType>()
  readonly #caller: SpdyReader
  readonly #server: SpdyReader
  /** Streams on which the API server may say no more. */
  readonly #ended = new Set<number>()

  constructor(options: SpdyCommandOptions) {
    this.#options = options
    this.#caller = new SpdyReader({
      onStream: (id, headers) => this.#open(id, headers),
      onStreamData: (id, bytes) => this.#fromCaller(this.#typeOf(id), bytes),
      onStreamEnd: (id) => void this.#typeOf(id),
      onReset: (id) => this.#reset(id),
    })
    this.#server = new SpdyReader({
      onStream: () => {
        throw new Unreadable('a SPDY stream that the API server opens')
      },
      onStreamData: (id, bytes) => this.#fromServer(this.#typeOf(id), bytes),
      onStreamEnd: (id) => {
        if (this.#typeOf(id) === 'error') this.#options.events.errorEnded()
        this.#ended.add(id)
      },
      onReset: (id) => this.#reset(id),
    })
  }

  fromCaller(chunk: Buffer): void {
    this.#caller.push(chunk)
  }

  fromServer(chunk: Buffer): void {
    this.#server.push(chunk)
  }

  farewell({ status, message }: Farewell): Buffer {
    const { endsWithStatus, events } = this.#options
    const [stream] = [...this.#types].find(([, type]) => type === 'error') ?? []
    const isFree = this.#server.isBetweenFrames && !events.hasEnding
    if (stream === undefined || !isFree || this.#ended.has(stream)) return Buffer.alloc(0)
    return lastSpdyData(stream, Buffer.from(endsWithStatus ? status : message))
  }

  say(text: Buffer, where: 'output' | 'error_output'): Buffer | undefined {
    if (!this.#server.isBetweenFrames || this.#options.events.hasEnding) return undefined
    const type = where === 'output' ? 'stdout' : 'stderr'
    const [stream] =
      [...this.#types].find(([id, one]) => one === type && !this.#ended.has(id)) ?? []
    return stream === undefined ? undefined : spdyData(stream, text)
  }

  finish(): void {
    this.#options.events.finish()
  }

  #open(id: number, headers: ReadonlyMap<string, string>): void {
    const type = TYPES.find((known) => known === headers.get('streamtype'))
    if (type === undefined) throw new Unreadable('a SPDY stream of an unknown type')
    if (this.#types.has(id)) throw new Unreadable('a SPDY stream that is open already')
    // Of two, a server could take either.
    if ([...this.#types.values()].includes(type)) {
      throw new Unreadable(`a second SPDY stream of the type ${type}`)
    }
    this.#types.set(id, type)
  }

  #typeOf(id: number): StreamType {
    const type = this.#types.get(id)
    if (type === undefined) throw new Unreadable('a SPDY frame of a stream that was not opened')
    return type
  }

  #fromCaller(type: StreamType, bytes: Buffer): void {
    if (type === 'stdin') this.#options.events.input(bytes)
    else if (type === 'resize') this.#options.events.resize(bytes)
    else throw new Unreadable(`data on the SPDY stream ${type}, which carries none this way`)
  }

  #fromServer(type: StreamType, bytes: Buffer): void {
    const { events } = this.#options
    if (type === 'stdout') events.output(bytes)
    else if (type === 'stderr') events.errorOutput(bytes)
    else if (type === 'error') events.error(bytes)
    else throw new Unreadable(`data on the SPDY stream ${type}, which carries none this way`)
  }

  #reset(id: number): void {
    if (this.#types.get(id) === 'error') this.#options.events.errorEnded()
    if (this.#types.has(id)) this.#ended.add(id)
  }
}
