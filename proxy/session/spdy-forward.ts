import type { ForwardEvents } from './forward-events.ts'
import { lastSpdyData } from './spdy-frame.ts'
import { SpdyReader, type SpdySink } from './spdy-reader.ts'
import type { Farewell, TunnelObserver } from './tunnel-observer.ts'
import { Unreadable } from './unreadable.ts'

/** One of the two streams of a connection: its bytes, or why it failed. */
interface ForwardStream {
  readonly isData: boolean
  /** Of the connection whose bytes or errors it carries; 0 until its stream of data is open. */
  connection: number
  /** Which two streams belong together; empty where the client does not say it. */
  readonly request: string
  hasCallerEnded: boolean
  hasServerEnded: boolean
  hasServerSaid: boolean
}

/** Streams that are open at the same time; a connection has two. */
const STREAMS_MAX = 8_192
/** Connections that are told why a session ends. */
const TOLD_MAX = 64
const PORT = /^\d{1,5}$/
const PORT_MAX = 65_535

/**
 * A port-forward over a SPDY connection. Source: cri-streaming portforward/httpstream.go (v0.37) and client-go
 * tools/portforward/portforward.go (v1.34): each connection has a stream of data and one of errors.
 */
export class SpdyForward implements TunnelObserver {
  readonly #events: ForwardEvents
  readonly #streams = new Map<number, ForwardStream>()
  /** Those whose client says which two belong together. */
  readonly #pairs = new Map<string, ForwardStream>()
  readonly #caller: SpdyReader
  readonly #server: SpdyReader
  #lastId = 0

  constructor(events: ForwardEvents) {
    this.#events = events
    this.#caller = new SpdyReader({
      ...this.#ending('hasCallerEnded'),
      onStream: (id, headers) => this.#open(id, headers),
      onStreamData: (id, bytes) => {
        const stream = this.#find(id)
        if (stream?.isData) events.toPod(stream.connection, bytes.length)
      },
    })
    this.#server = new SpdyReader({
      ...this.#ending('hasServerEnded'),
      onStream: () => {
        throw new Unreadable('a SPDY stream that the API server opens')
      },
      onStreamData: (id, bytes) => {
        const stream = this.#find(id)
        if (stream === undefined) return
        stream.hasServerSaid = true
        if (stream.isData) events.fromPod(stream.connection, bytes.length)
        else events.failed(stream.connection, bytes)
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
    if (!this.#server.isBetweenFrames) return Buffer.alloc(0)
    const free = [...this.#streams].filter(
      ([, { isData, hasServerEnded, hasServerSaid }]) =>
        !isData && !hasServerEnded && !hasServerSaid,
    )
    const text = Buffer.from(message)
    return Buffer.concat(free.slice(0, TOLD_MAX).map(([id]) => lastSpdyData(id, text)))
  }

  finish(): void {
    this.#events.finish()
  }

  #ending(side: 'hasCallerEnded' | 'hasServerEnded'): Pick<SpdySink, 'onStreamEnd' | 'onReset'> {
    return {
      onStreamEnd: (id) => {
        const stream = this.#find(id)
        if (stream === undefined) return
        stream[side] = true
        if (stream.hasCallerEnded && stream.hasServerEnded) this.#close(id)
      },
      onReset: (id) => this.#close(id),
    }
  }

  #open(id: number, headers: ReadonlyMap<string, string>): void {
    if (id <= this.#lastId) throw new Unreadable('a SPDY stream whose number is out of order')
    this.#lastId = id
    if (this.#streams.size === STREAMS_MAX) {
      throw new Unreadable(`over ${STREAMS_MAX} SPDY streams at the same time`)
    }
    const type = headers.get('streamtype')
    if (type !== 'data' && type !== 'error') {
      throw new Unreadable('a SPDY stream of an unknown type')
    }
    const port = headers.get('port') ?? ''
    if (!PORT.test(port) || Number(port) > PORT_MAX) {
      throw new Unreadable('a SPDY stream without a port')
    }
    const isData = type === 'data'
    const request = headers.get('requestid') ?? ''
    const other = this.#otherOf({ isData, request })
    const connection = isData ? this.#events.open(Number(port)) : (other?.connection ?? 0)
    if (isData && other !== undefined) other.connection = connection
    const fresh = { hasCallerEnded: false, hasServerEnded: false, hasServerSaid: false }
    const stream = { isData, connection, request, ...fresh }
    this.#streams.set(id, stream)
    if (request !== '') this.#pairs.set(pairKey(stream), stream)
  }

  /** Undefined for a stream that is over, of which the other side may not know yet. */
  #find(id: number): ForwardStream | undefined {
    if (id > this.#lastId) {
      throw new Unreadable('a SPDY frame of a stream that was not opened')
    }
    return this.#streams.get(id)
  }

  #close(id: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    this.#streams.delete(id)
    if (this.#pairs.get(pairKey(stream)) === stream) this.#pairs.delete(pairKey(stream))
    // The API server says why a connection failed before it ends the stream of its data.
    if (stream.isData) this.#events.close(stream.connection)
  }

  /** The stream that belongs to the same connection, while it is open. */
  #otherOf({ isData, request }: PairedStream): ForwardStream | undefined {
    return this.#pairs.get(pairKey({ isData: !isData, request }))
  }
}

type PairedStream = Pick<ForwardStream, 'isData' | 'request'>

function pairKey({ isData, request }: PairedStream): string {
  return `${isData ? 'data' : 'error'} ${request}`
}
