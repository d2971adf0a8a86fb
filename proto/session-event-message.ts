import type { MessageInitShape } from '@bufbuild/protobuf'
import { Fault } from '../core/fault.ts'
import type {
  RecordingLevel,
  SessionEnding,
  SessionEvent,
} from '../core/recording/session-event.ts'
import {
  CopyDirection,
  RecordLevel,
  SessionEnding as SessionEndingMessage,
  SessionEventKind,
  type SessionEvent as SessionEventMessage,
  type SessionEventSchema,
} from './gen/lanyard/v1/recording_pb.ts'

const KINDS = {
  output: SessionEventKind.OUTPUT,
  error_output: SessionEventKind.ERROR_OUTPUT,
  input: SessionEventKind.INPUT,
  resize: SessionEventKind.RESIZE,
  exit: SessionEventKind.EXIT,
  marker: SessionEventKind.MARKER,
  connection_opened: SessionEventKind.CONNECTION_OPENED,
  connection_closed: SessionEventKind.CONNECTION_CLOSED,
  file: SessionEventKind.FILE,
} as const satisfies Readonly<Record<SessionEvent['kind'], SessionEventKind>>

const ENDINGS: Readonly<Record<SessionEnding, SessionEndingMessage>> = {
  finished: SessionEndingMessage.FINISHED,
  caller_gone: SessionEndingMessage.CALLER_GONE,
  upstream_gone: SessionEndingMessage.UPSTREAM_GONE,
  refused: SessionEndingMessage.REFUSED,
  revoked: SessionEndingMessage.REVOKED,
  cut: SessionEndingMessage.CUT,
  unreadable: SessionEndingMessage.UNREADABLE,
  unrecorded: SessionEndingMessage.UNRECORDED,
  drained: SessionEndingMessage.DRAINED,
  lost: SessionEndingMessage.LOST,
  interrupted: SessionEndingMessage.INTERRUPTED,
}

const LEVELS: Readonly<Record<RecordingLevel, RecordLevel>> = {
  none: RecordLevel.UNSPECIFIED,
  output: RecordLevel.OUTPUT,
  all: RecordLevel.ALL,
}

/** How much is recorded, on the wire. */
export function levelToMessage(level: RecordingLevel): RecordLevel {
  return LEVELS[level]
}

/** How much is recorded; for a value that this version does not know, the most. */
export function levelFromMessage(message: RecordLevel): RecordingLevel {
  return keyOf(LEVELS, message) ?? 'all'
}

/** How a session ended, on the wire. */
export function endingToMessage(ending: SessionEnding): SessionEndingMessage {
  return ENDINGS[ending]
}

/** How a session ended. Throws `request_invalid` for what is no end. */
export function endingFromMessage(message: SessionEndingMessage): SessionEnding {
  return keyOf(ENDINGS, message) ?? unreadable('The end of a session has no known ending')
}

/** An event, on the wire. */
export function sessionEventToMessage(
  event: SessionEvent,
): MessageInitShape<typeof SessionEventSchema> {
  const begun = { atUs: BigInt(event.atUs), kind: KINDS[event.kind] }
  switch (event.kind) {
    case 'output':
    case 'error_output':
    case 'input':
      return { ...begun, data: event.bytes as Uint8Array<ArrayBuffer> }
    case 'resize':
      return { ...begun, size: { columns: event.columns, rows: event.rows } }
    case 'exit': {
      const { code, status } = event
      return { ...begun, exit: code === undefined ? { status } : { code, status } }
    }
    case 'marker':
      return { ...begun, text: event.text }
    case 'connection_opened':
    case 'connection_closed': {
      const { port, error, connection } = event
      const counts = {
        bytesToPod: BigInt(event.bytesToPod),
        bytesFromPod: BigInt(event.bytesFromPod),
      }
      return { ...begun, connection, forward: { port, error, ...counts } }
    }
    default:
      return { ...begun, file: fileToMessage(event) }
  }
}

function fileToMessage(event: Extract<SessionEvent, { readonly kind: 'file' }>) {
  return {
    direction: event.direction === 'to_pod' ? CopyDirection.TO_POD : CopyDirection.FROM_POD,
    name: event.name,
    bytes: BigInt(event.bytes),
    sha256: Uint8Array.from(Buffer.from(event.sha256, 'hex')),
  }
}

/** An event. Throws `request_invalid` for what `sessionEventToMessage` does not make. */
export function sessionEventFromMessage(message: SessionEventMessage): SessionEvent {
  const atUs = toNumber(message.atUs)
  const kind = keyOf(KINDS, message.kind) ?? unreadable('An event of a session has no known kind')
  switch (kind) {
    case 'output':
    case 'error_output':
    case 'input':
      return { atUs, kind, bytes: message.data }
    case 'resize': {
      const { columns, rows } = message.size ?? unreadable('A resize of a session has no size')
      return { atUs, kind, columns, rows }
    }
    case 'exit': {
      const { code, status } = message.exit ?? unreadable('An exit of a session says nothing')
      return { atUs, kind, status, ...(code === undefined ? {} : { code }) }
    }
    case 'marker':
      return { atUs, kind, text: message.text }
    case 'connection_opened':
    case 'connection_closed':
      return { atUs, kind, ...connectionFromMessage(message) }
    default:
      return { atUs, kind: 'file', ...fileFromMessage(message) }
  }
}

function connectionFromMessage({ connection, forward }: SessionEventMessage) {
  if (forward === undefined) return unreadable('A connection of a session says nothing')
  const { port, error } = forward
  return {
    ...{ connection, port, error },
    bytesToPod: toNumber(forward.bytesToPod),
    bytesFromPod: toNumber(forward.bytesFromPod),
  }
}

function fileFromMessage({ file }: SessionEventMessage) {
  if (file === undefined || file.direction === CopyDirection.UNSPECIFIED) {
    return unreadable('A file of a session has no direction')
  }
  return {
    direction:
      file.direction === CopyDirection.TO_POD ? ('to_pod' as const) : ('from_pod' as const),
    name: file.name,
    bytes: toNumber(file.bytes),
    sha256: Buffer.from(file.sha256).toString('hex'),
  }
}

function toNumber(value: bigint): number {
  if (value > Number.MAX_SAFE_INTEGER) unreadable('A number of a session is too large')
  return Number(value)
}

function keyOf<Key extends string>(
  table: Readonly<Record<Key, number>>,
  value: number,
): Key | undefined {
  return (Object.keys(table) as Key[]).find((key) => table[key] === value)
}

function unreadable(message: string): never {
  throw new Fault('request_invalid', message)
}
