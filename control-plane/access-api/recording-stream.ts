import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { fromBinary } from '@bufbuild/protobuf'
import {
  RECORDING_TYPES,
  type RecordingEndLine,
  type RecordingHeaderLine,
  type SessionObject,
} from '../../api/objects/session-object.ts'
import { SessionCast } from '../../core/recording/session-cast.ts'
import type { SessionEnding, SessionEvent } from '../../core/recording/session-event.ts'
import { SYSTEM_CLOCK } from '../../platform/clock.ts'
import { SessionChunkSchema } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import { sessionEventFromMessage } from '../../proto/session-event-message.ts'
import type { Recording, RecordingStore } from '../store/recording-store.ts'
import { Wakeup } from './wakeup.ts'

/** Events with all their bytes, or the text of an asciicast. */
export type RecordingForm = 'events' | 'asciicast'

/** Between two looks at whether a reader of a live session still may. */
const LOOK_MS = 30_000
/** Chunks of a live session are shown together. */
const PAUSE_MS = 20

export interface StreamedRecording {
  readonly recordings: RecordingStore
  readonly recording: Recording
  readonly session: SessionObject
  readonly form: RecordingForm
  /** Go on while it is live. */
  readonly follow: boolean
  readonly mayGoOn: () => Promise<boolean>
  readonly stopping: AbortSignal
}

interface Renderer {
  readonly type: string
  begin(): string
  event(event: SessionEvent): string
  end(ending: SessionEnding, reason: string): string
}

/**
 * Sends a recording, as fast as the client takes it. The end is sent once the session has one, so a client that does
 * not see it knows that there is more.
 */
export async function streamRecording(
  out: ServerResponse,
  streamed: StreamedRecording,
): Promise<void> {
  const { recordings, recording, follow, mayGoOn, stopping } = streamed
  const { id } = recording
  const gone = new AbortController()
  out.once('close', () => gone.abort())
  // The client may have gone while its name was put on record.
  if (out.destroyed) gone.abort()
  const signal = AbortSignal.any([gone.signal, stopping])
  const renderer = createRenderer(streamed)
  out.writeHead(200, { 'content-type': renderer.type, 'cache-control': 'no-cache, private' })
  await write(out, renderer.begin(), signal)
  const news = new Wakeup(SYSTEM_CLOCK, signal)
  const stopListening = recordings.onChange(() => news.wake())
  let last = 0
  let lookAtMs = performance.now() + LOOK_MS
  try {
    while (!signal.aborted) {
      news.arm()
      const end = (await recordings.get(id))?.end
      for await (const { number, bytes } of recordings.read(id, last)) {
        const { events } = fromBinary(SessionChunkSchema, bytes)
        const text = events.map((event) => renderer.event(sessionEventFromMessage(event))).join('')
        await write(out, text, signal)
        last = number
        if (signal.aborted) return
      }
      if (end !== undefined) {
        await write(out, renderer.end(end.ending, end.reason), signal)
        return
      }
      if (!follow || (await recordings.get(id)) === undefined) return
      await news.wait(LOOK_MS)
      // What was recorded meanwhile comes with it.
      await news.sleep(PAUSE_MS)
      if (performance.now() >= lookAtMs && !(await mayGoOn())) return
      if (performance.now() >= lookAtMs) lookAtMs = performance.now() + LOOK_MS
    }
  } finally {
    stopListening()
    out.end()
  }
}

/** Waits until the client has taken it. */
async function write(out: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (text === '' || signal.aborted || out.write(text)) return
  // Rejects when the client has gone, which the loop sees.
  await once(out, 'drain', { signal }).catch(() => undefined)
}

function createRenderer({ form, session, recording }: StreamedRecording): Renderer {
  return form === 'events' ? eventRenderer(session) : castRenderer(session, recording)
}

function eventRenderer(session: SessionObject): Renderer {
  const line = (value: object) => `${JSON.stringify(value)}\n`
  return {
    type: RECORDING_TYPES.events,
    begin: () => line({ version: 1, session } satisfies RecordingHeaderLine),
    event: (event) => line(toEventLine(event)),
    end: (ending, reason) => line({ ending, reason } satisfies RecordingEndLine),
  }
}

/** An event, its bytes in base64. */
function toEventLine(event: SessionEvent): object {
  if (!('bytes' in event) || typeof event.bytes === 'number') return event
  return { ...event, bytes: Buffer.from(event.bytes).toString('base64') }
}

function castRenderer(session: SessionObject, recording: Recording): Renderer {
  const { spec, metadata } = session
  const told = spec.imported?.told
  const command = told?.command ?? spec.command.join(' ')
  const cast = new SessionCast(
    {
      terminal: spec.terminal,
      header: {
        ...timestampOf(recording),
        ...(command === '' ? {} : { command }),
        title: titleOf(spec),
        lanyard: { ...spec, id: metadata.uid, namespace: metadata.namespace },
      },
    },
    3,
  )
  return {
    type: RECORDING_TYPES.asciicast,
    begin: () => '',
    event: (event) => cast.push(event),
    end: (ending, reason) => cast.end(ending, reason),
  }
}

/** When it was recorded, in Unix seconds; of a session of elsewhere only its file knows. */
function timestampOf({ imported, beganAtMs }: Recording): { readonly timestamp?: number } {
  if (imported === undefined) return { timestamp: Math.floor(beganAtMs / 1_000) }
  const { recordedAt } = imported.told
  return recordedAt === undefined ? {} : { timestamp: Date.parse(recordedAt) / 1_000 }
}

function titleOf({
  imported,
  subresource,
  targetNamespace,
  target,
}: SessionObject['spec']): string {
  if (imported === undefined) return `${subresource} ${targetNamespace}/${target}`
  return `imported by ${imported.by}${imported.told.title === undefined ? '' : `: ${imported.told.title}`}`
}
