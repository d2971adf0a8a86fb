import type { SessionEvent } from '../../core/recording/session-event.ts'
import type { Observation } from '../../proxy/session/observation.ts'

/** The control plane takes 256 KiB; what an event has besides its bytes is estimated. */
const CHUNK_BYTES_MAX = 128 * 1024
const EVENT_BYTES = 64

/** Events of one chunk, and about how many bytes they are. */
export interface Chunk {
  readonly events: readonly SessionEvent[]
  readonly bytes: number
}

/**
 * Observations of one moment as chunks that are small enough to be sent. Bytes of one stream that follow each other
 * make one event.
 */
export function chunkEvents(observations: readonly Observation[], atUs: number): readonly Chunk[] {
  const chunks: Chunk[] = []
  let events: SessionEvent[] = []
  let bytes = 0
  for (const observation of joinStreams(observations).flatMap(splitLong)) {
    const size = EVENT_BYTES + sizeOf(observation)
    if (events.length > 0 && bytes + size > CHUNK_BYTES_MAX) {
      chunks.push({ events, bytes })
      events = []
      bytes = 0
    }
    events.push({ ...observation, atUs } as SessionEvent)
    bytes += size
  }
  if (events.length > 0) chunks.push({ events, bytes })
  return chunks
}

type StreamObservation = Extract<Observation, { readonly bytes: Uint8Array }>

function isStream(observation: Observation): observation is StreamObservation {
  return 'bytes' in observation && typeof observation.bytes !== 'number'
}

function joinStreams(observations: readonly Observation[]): readonly Observation[] {
  if (observations.length < 2) return observations
  const runs: Observation[][] = []
  for (const observation of observations) {
    const run = runs.at(-1)
    if (isStream(observation) && run?.[0]?.kind === observation.kind) run.push(observation)
    else runs.push([observation])
  }
  return runs.flatMap((run) => {
    const [first] = run
    if (run.length === 1 || first === undefined || !isStream(first)) return run
    return [{ ...first, bytes: Buffer.concat(run.filter(isStream).map(({ bytes }) => bytes)) }]
  })
}

function splitLong(observation: Observation): readonly Observation[] {
  const most = CHUNK_BYTES_MAX - EVENT_BYTES
  if (!isStream(observation) || observation.bytes.length <= most) return [observation]
  const { bytes } = observation
  return Array.from({ length: Math.ceil(bytes.length / most) }, (_, index) => ({
    ...observation,
    bytes: bytes.subarray(index * most, (index + 1) * most),
  }))
}

function sizeOf(observation: Observation): number {
  switch (observation.kind) {
    case 'output':
    case 'error_output':
    case 'input':
      return observation.bytes.length
    case 'exit':
      return observation.status.length * 3
    case 'marker':
      return observation.text.length * 3
    case 'file':
      return observation.name.length * 3
    case 'resize':
      return 0
    default:
      return observation.error.length * 3
  }
}
