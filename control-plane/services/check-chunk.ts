import { Fault } from '../../core/fault.ts'
import type { RecordingLevel } from '../../core/recording/session-event.ts'
import type { SessionChunk } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import { chunkBytes } from '../../proto/record-codec.ts'
import { sessionEventFromMessage } from '../../proto/session-event-message.ts'
import type { StoredChunk } from '../store/recording-store.ts'

/** On the wire; a sidecar fills a chunk with what came within milliseconds. */
const CHUNK_BYTES_MAX = 256 * 1_024
const EVENTS_MAX = 8_192
const NUMBER_MAX = 2 ** 32 - 1
/** How far the clock of a sidecar may be ahead of ours since the session began. */
const AHEAD_US_MAX = 60_000_000

/** What a chunk has to fit to. */
export interface ChunkBounds {
  readonly level: RecordingLevel
  /** Of the last event before it, in microseconds since the session began. */
  readonly afterUs: number
  /** How long the session has lasted, in microseconds, by our own clock. */
  readonly elapsedUs: number
}

/** A chunk as it is stored. Throws `request_invalid` and `request_too_large` for one that no sidecar sends. */
export function checkChunk(chunk: SessionChunk, bounds: ChunkBounds): StoredChunk {
  const { events, number } = chunk
  if (events.length === 0 || events.length > EVENTS_MAX) {
    throw new Fault('request_invalid', `A chunk holds 1 to ${EVENTS_MAX} events`)
  }
  if (number < 1n || number > NUMBER_MAX) {
    throw new Fault('request_invalid', 'The number of a chunk is out of range')
  }
  let lastUs = bounds.afterUs
  for (const { atUs, kind } of events.map(sessionEventFromMessage)) {
    if (atUs < lastUs) {
      throw new Fault('request_invalid', 'The time of an event is before the event that it follows')
    }
    if (kind === 'input' && bounds.level !== 'all') {
      throw new Fault('request_invalid', 'Input is not to be recorded in this session')
    }
    lastUs = atUs
  }
  if (lastUs > bounds.elapsedUs + AHEAD_US_MAX) {
    throw new Fault('request_invalid', 'The time of an event has not come yet')
  }
  const bytes = chunkBytes(chunk)
  if (bytes.length > CHUNK_BYTES_MAX) {
    throw new Fault('request_too_large', `A chunk has at most ${CHUNK_BYTES_MAX / 1_024} KiB`)
  }
  return { number: Number(number), lastUs, bytes }
}
