import { createHash } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import { Fault } from '../../core/fault.ts'
import { CastEvents } from '../../core/recording/cast-events.ts'
import { CastReader } from '../../core/recording/cast-reader.ts'
import type { SessionEvent, StreamEvent } from '../../core/recording/session-event.ts'
import type { SessionImport } from '../../core/recording/session-import.ts'
import { toldByHeader } from '../../core/recording/told-by-header.ts'
import { SessionChunkSchema } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import { sessionEventToMessage } from '../../proto/session-event-message.ts'
import type { ImportedSession, StoredChunk } from '../store/recording-store.ts'

/** kube-apiserver gives a request a minute; what is larger would rarely come through. */
export const IMPORT_BYTES_MAX = 256 * 1_024 * 1_024
/** As a sidecar fills chunks; what an event has besides its bytes is estimated. */
const CHUNK_BYTES = 128 * 1_024
const EVENT_BYTES = 64

/** Who brings a file, and from where. */
export type ImportOrigin = Pick<SessionImport, 'id' | 'namespace' | 'username' | 'atMs' | 'source'>

/** An asciicast that somebody sends, as a session: read once, piece by piece, and never whole in memory. */
export class ImportedCast implements ImportedSession {
  readonly id: string
  readonly chunks: AsyncIterable<StoredChunk>
  readonly #origin: ImportOrigin
  readonly #reader = new CastReader()
  readonly #events = new CastEvents()
  readonly #hash = createHash('sha256')
  #bytes = 0
  #hasInput = false

  /** `look` is called before each piece, and throws when no more may be kept. */
  constructor(origin: ImportOrigin, body: AsyncIterable<Uint8Array>, look: () => void) {
    this.id = origin.id
    this.#origin = origin
    this.chunks = this.#read(body, look)
  }

  summary() {
    const { version, headerFields } = this.#reader
    const imported: SessionImport = {
      ...this.#origin,
      format: version ?? 3,
      bytes: this.#bytes,
      sha256: this.#hash.digest('hex'),
      told: toldByHeader(headerFields),
    }
    return { imported, level: this.#hasInput ? 'all' : 'output' } as const
  }

  /** Throws `request_invalid` with the number of a line, and `request_too_large`. */
  async *#read(body: AsyncIterable<Uint8Array>, look: () => void): AsyncGenerator<StoredChunk> {
    const packer = new ChunkPacker()
    let begun = false
    for await (const piece of this.#pieces(body, look)) {
      const events = piece === undefined ? this.#reader.end() : this.#reader.push(piece)
      const { header } = this.#reader
      if (header !== undefined && !begun) {
        begun = true
        yield* packer.push(this.#events.header(header))
      }
      for (const event of events) {
        const found = this.#events.push(event)
        this.#hasInput ||= found.some(({ kind }) => kind === 'input')
        yield* packer.push(found)
      }
    }
    yield* packer.end()
  }

  /** The pieces, and nothing after the last. */
  async *#pieces(
    body: AsyncIterable<Uint8Array>,
    look: () => void,
  ): AsyncGenerator<Uint8Array | undefined> {
    try {
      for await (const piece of body) {
        look()
        this.#bytes += piece.length
        if (this.#bytes > IMPORT_BYTES_MAX) {
          const most = `${IMPORT_BYTES_MAX / 1_024 / 1_024} MiB`
          throw new Fault('request_too_large', `The file is longer than ${most}: cut it in parts`)
        }
        this.#hash.update(piece)
        yield piece
      }
    } catch (error) {
      if (error instanceof Fault) throw error
      throw new Fault('request_invalid', 'The file did not come whole', { cause: error })
    }
    yield undefined
  }
}

/** Makes chunks of events, each small enough to be stored as one. */
class ChunkPacker {
  #events: SessionEvent[] = []
  #bytes = 0
  #number = 0;

  *push(events: readonly SessionEvent[]): Generator<StoredChunk> {
    for (const event of events.flatMap(splitLong)) {
      const size = sizeOf(event)
      if (this.#bytes + size > CHUNK_BYTES) yield* this.end()
      this.#events.push(event)
      this.#bytes += size
    }
  }

  *end(): Generator<StoredChunk> {
    const last = this.#events.at(-1)
    if (last === undefined) return
    this.#number += 1
    const message = create(SessionChunkSchema, {
      number: BigInt(this.#number),
      events: this.#events.map(sessionEventToMessage),
    })
    this.#events = []
    this.#bytes = 0
    yield {
      number: this.#number,
      lastUs: last.atUs,
      bytes: toBinary(SessionChunkSchema, message),
    }
  }
}

function isStream(event: SessionEvent): event is StreamEvent {
  return ['output', 'error_output', 'input'].includes(event.kind)
}

function splitLong(event: SessionEvent): readonly SessionEvent[] {
  const most = CHUNK_BYTES - EVENT_BYTES
  if (!isStream(event)) return [event]
  const { bytes } = event
  if (bytes.length <= most) return [event]
  return Array.from({ length: Math.ceil(bytes.length / most) }, (_, index) => ({
    ...event,
    bytes: bytes.subarray(index * most, (index + 1) * most),
  }))
}

function sizeOf(event: SessionEvent): number {
  if (isStream(event)) return EVENT_BYTES + event.bytes.length
  return EVENT_BYTES + (event.kind === 'marker' ? event.text.length * 3 : 0)
}
