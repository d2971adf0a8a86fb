import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import type { SessionEnding, SessionEvent } from '../core/recording/session-event.ts'
import {
  type SessionEnding as EndingMessage,
  RecordLevel,
  SessionEventKind,
  SessionEventSchema,
} from './gen/lanyard/v1/recording_pb.ts'
import {
  endingFromMessage,
  endingToMessage,
  levelFromMessage,
  levelToMessage,
  sessionEventFromMessage,
  sessionEventToMessage,
} from './session-event-message.ts'

const EVENTS: readonly SessionEvent[] = [
  { atUs: 0, kind: 'output', bytes: Uint8Array.of() },
  { atUs: 1, kind: 'error_output', bytes: Uint8Array.of(0xff, 0, 10) },
  { atUs: 1, kind: 'input', bytes: Uint8Array.of(3) },
  { atUs: Number.MAX_SAFE_INTEGER, kind: 'resize', columns: 80, rows: 24 },
  { atUs: 2, kind: 'exit', code: 0, status: '{"status":"Success"}' },
  { atUs: 2, kind: 'exit', code: -1, status: '' },
  { atUs: 2, kind: 'exit', status: 'command terminated' },
  { atUs: 3, kind: 'marker', text: 'stopped by team/no-rm' },
  {
    ...{ atUs: 4, kind: 'connection_opened', connection: 1, port: 80 },
    ...{ bytesToPod: 0, bytesFromPod: 0, error: '' },
  },
  {
    ...{ atUs: 5, kind: 'connection_closed', connection: 1, port: 65_535 },
    ...{ bytesToPod: 2 ** 40, bytesFromPod: 1, error: 'refused' },
  },
  {
    ...{ atUs: 6, kind: 'file', direction: 'to_pod', name: 'a/b', bytes: 3 },
    sha256: 'ab'.repeat(32),
  },
  { atUs: 7, kind: 'file', direction: 'from_pod', name: '', bytes: 0, sha256: '' },
]

test.each(EVENTS)('sessionEventFromMessage() reads %j as it was sent', (event) => {
  const sent = toBinary(
    SessionEventSchema,
    create(SessionEventSchema, sessionEventToMessage(event)),
  )
  expect(sessionEventFromMessage(fromBinary(SessionEventSchema, sent))).toEqual(event)
})

test.each([
  ['no kind', {}],
  ['a kind that is not known', { kind: 99 as SessionEventKind }],
  ['a resize without a size', { kind: SessionEventKind.RESIZE }],
  ['an exit without anything', { kind: SessionEventKind.EXIT }],
  ['a connection without anything', { kind: SessionEventKind.CONNECTION_CLOSED }],
  ['a file without anything', { kind: SessionEventKind.FILE }],
  ['a file without a direction', { kind: SessionEventKind.FILE, file: { name: 'a' } }],
  ['a time beyond numbers', { kind: SessionEventKind.OUTPUT, atUs: 2n ** 53n }],
])('sessionEventFromMessage() refuses %s', (_name, message) => {
  expect(() => sessionEventFromMessage(create(SessionEventSchema, message))).toThrow(
    expect.objectContaining({ code: 'request_invalid' }),
  )
})

test.each<SessionEnding>([
  ...(['finished', 'caller_gone', 'upstream_gone', 'refused', 'revoked'] as const),
  ...(['cut', 'unreadable', 'unrecorded', 'lost', 'interrupted'] as const),
])('endingFromMessage() reads %s', (ending) => {
  expect(endingFromMessage(endingToMessage(ending))).toBe(ending)
})

test.each([0, 99])('endingFromMessage() refuses %i', (value) => {
  expect(() => endingFromMessage(value as EndingMessage)).toThrow('no known ending')
})

test.each([
  ['none', RecordLevel.UNSPECIFIED],
  ['output', RecordLevel.OUTPUT],
  ['all', RecordLevel.ALL],
] as const)('levelFromMessage() reads %s', (level, message) => {
  expect(levelToMessage(level)).toBe(message)
  expect(levelFromMessage(message)).toBe(level)
})

test('levelFromMessage() takes what it does not know for the most', () => {
  expect(levelFromMessage(99 as RecordLevel)).toBe('all')
})
