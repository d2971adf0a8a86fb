import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { Metadata, type ServerDuplexStream, type ServiceError, status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import {
  RecordLevel,
  RecordRequestSchema,
  type RecordResponse,
  SessionEnding,
  SessionEventKind,
} from '../../proto/gen/lanyard/v1/recording_pb.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import {
  AGENT,
  aBinding,
  aDecision,
  aDecisionId,
  anEnrolledBinding,
} from '../../test/support/record-builders.ts'
import { createControlPlaneMetrics } from '../control-plane-metrics.ts'
import { createSessions } from '../sessions.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { LiveRecordings } from './live-recordings.ts'
import { RecordingRoom } from './recording-room.ts'
import { createRecordingService } from './recording-service.ts'

type Request = Exclude<MessageInitShape<typeof RecordRequestSchema>, { readonly $typeName: string }>
type Response = Pick<RecordResponse, 'message'>

/** A call without a socket, whose messages come when the handler asks for one. */
class FakeCall extends Duplex {
  readonly metadata = new Metadata()
  readonly told: string[] = []
  readonly unread: object[] = []
  cancelled = false
  error: ServiceError | undefined
  #asked = false

  constructor(secret: string) {
    super({ objectMode: true, autoDestroy: false })
    this.metadata.set('authorization', `Bearer ${secret}`)
    this.on('error', (error) => {
      this.error = error as ServiceError
    })
  }

  sendMetadata(): void {
    this.told.push('metadata')
  }

  say(...messages: Request[]): void {
    this.unread.push(...messages.map((message) => create(RecordRequestSchema, message)))
    this.#give()
  }

  override _read(): void {
    this.#asked = true
    this.#give()
  }

  #give(): void {
    const [next] = this.unread
    if (!this.#asked || next === undefined) return
    this.#asked = false
    this.unread.shift()
    this.push(next)
  }

  override _write({ message }: Response, _encoding: string, taken: () => void): void {
    const value = message.value as { number?: bigint; reason?: string } | undefined
    this.told.push([message.case, value?.number ?? (value?.reason || '')].join(' ').trim())
    taken()
  }
}

const ID = aDecisionId(1)
let store: Store
let clock: ManualClock
let live: LiveRecordings
let full: boolean
/** What the disk does with the next chunk. */
let disk: () => Promise<void>
let open: (secret?: string) => FakeCall

beforeEach(async () => {
  store = await openStore(':memory:')
  await store.bindings.record(aBinding([AGENT]))
  const obligations = { ...NO_OBLIGATIONS, record: 'output' } as const
  await store.auditEvents.append(aDecision(1, { obligations }))
  clock = new ManualClock()
  live = new LiveRecordings()
  full = false
  disk = async () => {}
  const { recordings, auditEvents } = store
  const append = recordings.append.bind(recordings)
  recordings.append = (id, chunk) => disk().then(() => append(id, chunk))
  const sessions = createSessions(() => 0)
  const { secret } = sessions.open(anEnrolledBinding([AGENT], 1), 60_000)
  const service = createRecordingService({
    ...{ recordings, auditEvents, sessions, live, clock, room: aRoom() },
    metrics: createControlPlaneMetrics(createMetrics('control-plane', 'test')),
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
    decider: { refuseLine: () => undefined },
    decisionWatch: { find: () => undefined },
  })
  open = (own = secret) => {
    const call = new FakeCall(own)
    service.record(call as unknown as ServerDuplexStream<never, never>)
    return call
  }
})
afterEach(() => store.close())

/** Without any room while `full`. */
function aRoom(): RecordingRoom {
  return new RecordingRoom({
    limits: { bytesMax: 0, freeBytesMin: 10 },
    size: () => ({ bytes: 0, open: 0, unlistedFiles: 0, unlistedBytes: 0 }),
    dropUnlisted: async () => {},
    readSpace: () => ({ freeBytes: full ? 0 : 100, bytes: 100 }),
    monotonicMs: () => clock.monotonicMs(),
  })
}

const begin = (decisionId = ID, level: RecordLevel = RecordLevel.OUTPUT): Request => ({
  message: { case: 'begin', value: { decisionId, protocol: 'v5.channel.k8s.io', level } },
})
const chunk = (
  number: number,
  bytes = 5,
  kind: SessionEventKind = SessionEventKind.OUTPUT,
): Request => ({
  message: {
    case: 'chunk',
    value: { number: BigInt(number), events: [{ kind, atUs: 1n, data: Buffer.alloc(bytes) }] },
  },
})
const end = (ending: SessionEnding = SessionEnding.FINISHED): Request => ({
  message: { case: 'end', value: { ending, reason: 'bye' } },
})
const recorded = () => store.recordings.get(ID)
const ended = (ending: string, parts: object = {}) =>
  expect.poll(recorded).toMatchObject({ ...parts, end: { ending } })

async function begun(): Promise<FakeCall> {
  const call = open()
  call.say(begin())
  await expect.poll(() => call.told).toContain('opened')
  return call
}

describe('RecordingService', () => {
  test('refuses a session that is not known', () => {
    expect(open('other').error).toMatchObject({ code: status.UNAUTHENTICATED })
  })

  test('opens, stores and ends, in the order in which it was told', async () => {
    const call = open()
    call.say(begin(), chunk(1), chunk(2), end())
    await ended('finished', { chunks: 2 })
    expect(call.told).toEqual(['metadata', 'opened', 'stored 1', 'stored 2', 'stored 2'])
    expect([live.size(), call.error]).toEqual([0, undefined])
  })

  test.each([
    ['a chunk before it begins', [chunk(1)], status.INVALID_ARGUMENT],
    ['a decision of nobody', [begin('01M7Q5CQKV0123456789000099')], status.PERMISSION_DENIED],
    ['less than was asked for', [begin(ID, RecordLevel.UNSPECIFIED)], status.INVALID_ARGUMENT],
    ['a message of nothing', [{ message: { case: undefined } }], status.INVALID_ARGUMENT],
  ] as const)('refuses %s, and records nothing', async (_name, messages, code) => {
    const call = open()
    call.say(...messages)
    await expect.poll(() => call.error).toMatchObject({ code })
    expect([await recorded(), live.size()]).toEqual([undefined, 0])
  })

  test.each([
    ['a second begin', begin(), status.INVALID_ARGUMENT],
    ['a gap', chunk(3), status.INVALID_ARGUMENT],
    ['input that nobody asked for', chunk(2, 5, SessionEventKind.INPUT), status.INVALID_ARGUMENT],
    ['a chunk that is too long', chunk(2, 300_000), status.RESOURCE_EXHAUSTED],
    ['an end that only we say', end(SessionEnding.LOST), status.INVALID_ARGUMENT],
  ] as const)('ends a session with %s as unrecorded', async (_name, message, code) => {
    const call = await begun()
    call.say(chunk(1), message)
    await ended('unrecorded', { chunks: 1 })
    expect(call.error).toMatchObject({ code })
    expect(live.size()).toBe(0)
  })

  test('begins no session without room, and ends one for which there is none any more', async () => {
    const call = await begun()
    full = true
    await clock.advance(1_000)
    const late = open()
    late.say(begin())
    await expect.poll(() => late.error).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    call.say(chunk(1))
    await ended('unrecorded', { chunks: 0 })
  })

  test.each(['end', 'cancelled'])('notes a session as lost at the event %s', async (event) => {
    const call = await begun()
    call.say(chunk(1))
    await expect.poll(() => call.told).toContain('stored 1')
    call.emit(event)
    await ended('lost', { chunks: 1 })
    call.emit('cancelled')
    expect(live.size()).toBe(0)
  })
})

describe('RecordingService and a disk that is slow', () => {
  test('acknowledges nothing before it is stored, and ends a session after all that came', async () => {
    const written = Promise.withResolvers<void>()
    disk = () => written.promise
    const call = await begun()
    call.say(chunk(1), end())
    await turn()
    expect([call.told.at(-1), (await recorded())?.end]).toEqual(['opened', undefined])
    written.resolve()
    await ended('finished', { chunks: 1 })
  })

  test('reads no more than 4 MiB of a session, and goes on once they are stored', async () => {
    const written = Promise.withResolvers<void>()
    disk = () => written.promise
    const call = await begun()
    call.say(...Array.from({ length: 60 }, (_, index) => chunk(index + 1, 100_000)))
    await turn()
    // The forty-second is what makes it too much.
    expect(call.unread).toHaveLength(18)
    expect(call.readableLength).toBe(0)
    written.resolve()
    await expect.poll(() => call.told.at(-1)).toBe('stored 60')
  })

  test('lets a session end that cannot be stored, as unrecorded', async () => {
    disk = () => Promise.reject(new Fault('audit_unavailable', 'no space'))
    const call = await begun()
    call.say(chunk(1))
    await ended('unrecorded', { chunks: 0 })
    expect(call.error).toMatchObject({ code: status.UNAVAILABLE })
  })
})

describe('RecordingService ends a session from here', () => {
  test('and keeps the reason, whatever the sidecar says then', async () => {
    const call = await begun()
    live.cut(ID, { ending: 'cut', reason: 'enough' })
    live.cut(ID, { ending: 'revoked', reason: 'later' })
    expect(call.told.at(-1)).toBe('cut enough')
    call.say(chunk(1), end())
    await expect
      .poll(recorded)
      .toMatchObject({ chunks: 1, end: { ending: 'cut', reason: 'enough' } })
    expect(clock.waiting).toBe(0)
  })

  test('and waits two seconds for the sidecar', async () => {
    const call = await begun()
    live.revoke(AGENT.podUid, ID, 'no longer')
    await clock.advance(1_999)
    expect(call.error).toBeUndefined()
    await clock.advance(1)
    expect(call.error).toMatchObject({ code: status.PERMISSION_DENIED })
    await ended('revoked')
  })
})
