import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditEventStore } from '../../control-plane/store/audit-event-store.ts'
import type { PodBindingStore } from '../../control-plane/store/pod-binding-store.ts'
import type {
  ImportedSession,
  NewRecording,
  RecordingStore,
  StoredChunk,
} from '../../control-plane/store/recording-store.ts'
import { Fault } from '../../core/fault.ts'
import { AGENT, aBinding, aDecision, NOON_MS } from '../support/record-builders.ts'

/** A store under test, empty. */
export interface OpenedRecordings {
  readonly recordings: RecordingStore
  readonly auditEvents: AuditEventStore
  readonly bindings: PodBindingStore
  /** Closes it and removes what it wrote. */
  close(): Promise<void>
}

const ID = '01M7Q5CQKV0123456789000001'
const OTHER = '01M7Q5CQKV0123456789000002'
const THIRD_ID = '01M7Q5CQKV0123456789000003'
const END = { ending: 'finished', reason: '', endedAtMs: NOON_MS + 9 } as const
const BOB = { username: 'bob', atMs: NOON_MS + 10 }

function aRecording(parts: Partial<NewRecording> = {}): NewRecording {
  const { podUid, namespace, name: pod } = AGENT
  return {
    ...{ id: ID, decisionSequence: 1, podUid, namespace, pod, rootRequester: 'alice' },
    ...{ protocol: 'v5.channel.k8s.io', level: 'output', beganAtMs: NOON_MS },
    ...parts,
  }
}

const aChunk = (number: number, text = `chunk ${number}`, lastUs = number): StoredChunk => ({
  ...{ number, lastUs },
  bytes: Buffer.from(text),
})

async function textsOf(recordings: RecordingStore, id = ID, after = 0): Promise<string[]> {
  const texts: string[] = []
  for await (const { bytes } of recordings.read(id, after))
    texts.push(Buffer.from(bytes).toString())
  return texts
}

const ALL_DUE = { decidedBeforeMs: Infinity, limit: 9, reason: 'age', nowMs: NOON_MS } as const

function anImport(chunks: readonly StoredChunk[], fault?: Fault): ImportedSession {
  const imported = {
    ...{ id: OTHER, namespace: 'team', username: 'bob', atMs: NOON_MS, source: 'x' },
    ...({ format: 2, bytes: 9, sha256: 'aa', told: { user: 'alice' } } as const),
  }
  async function* read(): AsyncGenerator<StoredChunk> {
    yield* chunks
    if (fault !== undefined) throw fault
  }
  return { id: OTHER, chunks: read(), summary: () => ({ imported, level: 'output' }) }
}

/** What every store of recordings does. */
export function describeRecordingStores(name: string, open: () => Promise<OpenedRecordings>): void {
  describe(`recordings ${name}`, () => {
    let stores: OpenedRecordings
    let recordings: RecordingStore
    beforeEach(async () => {
      stores = await open()
      recordings = stores.recordings
      await recordings.begin(aRecording())
    })
    afterEach(() => stores.close())

    test('begin() takes a decision once, live or ended', async () => {
      const code = 'binding_conflict'
      await expect(recordings.begin(aRecording())).rejects.toMatchObject({ code })
      await recordings.end(ID, END)
      await expect(recordings.begin(aRecording())).rejects.toMatchObject({ code })
    })

    test('read() gives back what was appended, live and ended', async () => {
      expect(await textsOf(recordings)).toEqual([])
      await Promise.all([1, 2, 3].map((number) => recordings.append(ID, aChunk(number))))
      expect(await textsOf(recordings)).toEqual(['chunk 1', 'chunk 2', 'chunk 3'])
      await recordings.end(ID, END)
      expect(await textsOf(recordings)).toEqual(['chunk 1', 'chunk 2', 'chunk 3'])
      expect(await textsOf(recordings, ID, 2)).toEqual(['chunk 3'])
      expect(await recordings.get(ID)).toMatchObject({ chunks: 3, durationUs: 3, end: END })
    })

    test('read() gives back bytes that are no text, and nothing of what is not there', async () => {
      const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index * 7)
      await recordings.append(ID, { number: 1, lastUs: 0, bytes })
      await recordings.end(ID, END)
      for await (const chunk of recordings.read(ID, 0)) expect([...chunk.bytes]).toEqual([...bytes])
      expect(await textsOf(recordings, OTHER)).toEqual([])
    })

    test.each([
      ['a gap', aChunk(3)],
      ['a number that was there', aChunk(1)],
      ['no number', aChunk(0)],
      ['a time before the last', aChunk(2, 'x', 0)],
      ['a time that is none', aChunk(2, 'x', Number.NaN)],
    ])('append() refuses %s, and goes on with what comes next', async (_name, chunk) => {
      await recordings.append(ID, aChunk(1))
      await expect(recordings.append(ID, chunk)).rejects.toMatchObject({ code: 'request_invalid' })
      await recordings.append(ID, aChunk(2))
      expect(await textsOf(recordings)).toHaveLength(2)
    })

    test.each([ID, OTHER, '../../etc/passwd', ''])(
      'append() refuses %j when none is open',
      async (id) => {
        await recordings.end(ID, END)
        await expect(recordings.append(id, aChunk(1))).rejects.toMatchObject({ code: 'not_found' })
      },
    )

    test('end() keeps the first end', async () => {
      await recordings.end(ID, END)
      await recordings.end(ID, { ...END, ending: 'cut' })
      await recordings.end(OTHER, END)
      expect(await recordings.get(ID)).toMatchObject({ end: END })
    })

    test('list() filters, in the order of decisions', async () => {
      await recordings.begin(aRecording({ id: OTHER, decisionSequence: 7, pod: 'build' }))
      await recordings.end(ID, END)
      const ids = async (...asked: Parameters<RecordingStore['list']>) =>
        (await recordings.list(...asked)).map(({ id }) => id)
      expect(await ids({}, 0, 9)).toEqual([ID, OTHER])
      expect(await ids({}, 0, 1)).toEqual([ID])
      expect(await ids({}, 1, 9)).toEqual([OTHER])
      expect(await ids({ live: true }, 0, 9)).toEqual([OTHER])
      expect(await ids({ live: false }, 0, 9)).toEqual([ID])
      expect(await ids({ pod: 'build', namespace: 'team' }, 0, 9)).toEqual([OTHER])
      expect(await ids({ namespace: 'other' }, 0, 9)).toEqual([])
      expect(await ids({ rootRequester: 'bob' }, 0, 9)).toEqual([])
    })

    test('noteReader() counts who read it, and review() marks it', async () => {
      await recordings.noteReader(ID, BOB)
      await recordings.noteReader(ID, { ...BOB, atMs: BOB.atMs + 1 })
      await recordings.review(ID, BOB)
      const readers = [{ username: 'bob', firstAtMs: BOB.atMs, lastAtMs: BOB.atMs + 1, reads: 2 }]
      expect(await recordings.get(ID)).toMatchObject({ readers, reviewed: BOB })
      await expect(recordings.review(OTHER, BOB)).rejects.toMatchObject({ code: 'not_found' })
      await expect(recordings.noteReader(OTHER, BOB)).rejects.toMatchObject({ code: 'not_found' })
    })

    test('remove() takes what has ended, says who did it, and lets nothing begin again', async () => {
      await expect(recordings.remove(ID, BOB)).rejects.toMatchObject({ code: 'binding_conflict' })
      await recordings.append(ID, aChunk(1))
      await recordings.end(ID, END)
      await recordings.remove(ID, BOB)
      expect(await recordings.get(ID)).toBeUndefined()
      expect(await textsOf(recordings)).toEqual([])
      expect(await recordings.list({}, 0, 9)).toEqual([])
      expect(await recordings.deletions(9)).toEqual([{ id: ID, ...BOB }])
      await expect(recordings.remove(ID, BOB)).rejects.toMatchObject({ code: 'not_found' })
      await expect(recordings.begin(aRecording())).rejects.toMatchObject({
        code: 'binding_conflict',
      })
    })

    test('sweep() takes away what went with its decision, and ends what is open of it', async () => {
      await stores.bindings.record(aBinding([AGENT]))
      await stores.auditEvents.append(aDecision(1))
      await recordings.begin(aRecording({ id: OTHER, decisionSequence: 2 }))
      await recordings.append(ID, aChunk(1))
      const removal = await stores.auditEvents.removeOldest({
        ...ALL_DUE,
        decidedBeforeMs: NOON_MS + 1e9,
      })
      expect(removal).toMatchObject({ decisions: 1, recordings: 1 })
      expect(await stores.auditEvents.removals(1)).toEqual([removal])
      await recordings.sweep()
      expect(await recordings.get(ID)).toBeUndefined()
      expect(await recordings.get(OTHER)).toMatchObject({ id: OTHER })
      await expect(recordings.append(ID, aChunk(2))).rejects.toMatchObject({ code: 'not_found' })
      expect(recordings.size()).toMatchObject({ open: 1 })
    })

    test('sweep() tells those who watch, and the removal covers the digests of the segments', async () => {
      await stores.bindings.record(aBinding([AGENT]))
      await stores.auditEvents.append(aDecision(1))
      await recordings.append(ID, aChunk(1))
      await recordings.end(ID, END)
      const before = recordings.revision()
      const removal = await stores.auditEvents.removeOldest(ALL_DUE)
      await recordings.sweep()
      const gone = (recordings.changesAfter(before) ?? []).map((change) => change.gone?.id)
      expect([removal?.recordings, gone]).toEqual([1, [ID]])
      expect(recordings.size()).toMatchObject({ bytes: expect.any(Number), unlistedFiles: 0 })
    })

    test('import() keeps a session of elsewhere, which goes as decisions of its time do', async () => {
      await stores.bindings.record(aBinding([AGENT]))
      await stores.auditEvents.append(aDecision(1))
      const kept = await recordings.import(anImport([aChunk(1), aChunk(2)]))
      expect(kept).toMatchObject({ imported: { username: 'bob', source: 'x' }, rootRequester: '' })
      expect(await textsOf(recordings, OTHER)).toEqual(['chunk 1', 'chunk 2'])
      expect(recordings.totals()).toMatchObject({ count: 2, imported: 1 })
      expect((await recordings.list({ rootRequester: 'alice' }, 0, 9)).map(({ id }) => id)).toEqual(
        [ID],
      )
      await recordings.end(ID, END)
      expect(await stores.auditEvents.removeOldest(ALL_DUE)).toMatchObject({
        ...{ decisions: 1, records: 2, recordings: 2, lastId: OTHER },
      })
      await recordings.sweep()
      expect(await recordings.get(OTHER)).toBeUndefined()
      expect(await stores.auditEvents.sweep(9)).toBe(2)
    })

    test('import() takes a file once for a namespace, until somebody deletes it', async () => {
      await stores.bindings.record(aBinding([AGENT]))
      await stores.auditEvents.append(aDecision(1))
      await recordings.import(anImport([aChunk(1)]))
      const again = { ...anImport([aChunk(1)]), id: THIRD_ID }
      const summary = () => ({
        ...again.summary(),
        imported: { ...again.summary().imported, id: THIRD_ID },
      })
      const before = recordings.size().bytes
      await expect(recordings.import({ ...again, summary })).rejects.toMatchObject({
        ...{ code: 'binding_conflict', message: expect.stringContaining(OTHER.toLowerCase()) },
      })
      expect([await recordings.get(THIRD_ID), recordings.size().bytes]).toEqual([undefined, before])
      await recordings.remove(OTHER, BOB)
      const chunks = anImport([aChunk(1)]).chunks
      expect(await recordings.import({ id: THIRD_ID, chunks, summary })).toMatchObject({
        chunks: 1,
      })
    })

    test('import() keeps nothing of what breaks off', async () => {
      const before = recordings.revision()
      const imported = recordings.import(
        anImport([aChunk(1)], new Fault('request_invalid', 'Line 3')),
      )
      await expect(imported).rejects.toMatchObject({ code: 'request_invalid', message: 'Line 3' })
      expect(await recordings.get(OTHER)).toBeUndefined()
      expect([recordings.revision(), recordings.size().bytes]).toEqual([before, 0])
    })

    test('verify() finds nothing wrong with what was written, some segments at a time', async () => {
      await recordings.append(ID, aChunk(1))
      await recordings.end(ID, END)
      expect(await recordings.verify(9)).toMatchObject({ segments: 1, of: 1, damaged: [] })
    })

    test('changesAfter() tells each change, and onChange() of chunks too', async () => {
      const before = recordings.revision()
      let told = 0
      const stop = recordings.onChange(() => {
        told += 1
      })
      await recordings.append(ID, aChunk(1))
      expect(told).toBeGreaterThan(0)
      await recordings.end(ID, END)
      await recordings.remove(ID, BOB)
      stop()
      const changes = recordings.changesAfter(before) ?? []
      expect(changes.map(({ id }) => id)).toEqual([ID, ID, ID])
      expect(changes.at(-1)).toMatchObject({ revision: recordings.revision(), gone: { id: ID } })
      expect(recordings.changesAfter(recordings.revision())).toEqual([])
      expect(recordings.changesAfter(-1)).toBeUndefined()
    })

    test('size() counts what is open and its bytes', async () => {
      await recordings.append(ID, aChunk(1, 'x'.repeat(100_000)))
      expect(recordings.size()).toMatchObject({ open: 1 })
      expect(recordings.size().bytes).toBeGreaterThan(0)
      await recordings.end(ID, END)
      expect(recordings.size()).toMatchObject({ open: 0 })
    })
  })
}
