import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { AGENT, aBinding, aDecision, aUser, NOON_MS } from '../../test/support/record-builders.ts'
import { aNewRecording, RECORDING_ID } from '../../test/support/recording-parts.ts'
import type { SessionCutCause } from '../services/live-recordings.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { SessionActions } from './session-actions.ts'

const NAME = RECORDING_ID.toLowerCase()
const CAST = '{"version":2,"width":80,"height":24}\n[0.1,"o","$ ls"]\n'

let store: Store
let actions: SessionActions
let live: Map<string, SessionCutCause[]>
let full: string
let stopping: AbortController

beforeEach(async () => {
  store = await openStore(':memory:')
  await store.bindings.record(aBinding([AGENT]))
  await store.auditEvents.append(aDecision(1, { id: RECORDING_ID }))
  await store.recordings.begin(aNewRecording())
  live = new Map([[RECORDING_ID, []]])
  full = ''
  stopping = new AbortController()
  const check = () => {
    if (full !== '') throw new Fault('overloaded', full)
  }
  actions = new SessionActions({
    ...store,
    live: { cut: (id, why) => (live.get(id)?.push(why) ?? 0) > 0 },
    room: { checkImport: async () => check(), checkGoOn: check },
    clock: { now: () => NOON_MS + 5 },
    stopping: stopping.signal,
  })
})
afterEach(async () => {
  stopping.abort()
  await store.close()
})

/** What a client gets that is sent a recording. */
class Outgoing extends PassThrough {
  writeHead(): this {
    return this
  }
}

interface Asked extends Partial<RequestAttributes> {
  readonly body?: Readable
  readonly query?: readonly (readonly [string, string])[]
  readonly outgoing?: Outgoing
}

function handle({ body = Readable.from([]), query = [], outgoing, ...parts }: Asked) {
  const attributes = aRequest({ resource: 'sessions', name: NAME, ...parts })
  return actions.handle({
    ...{ user: aUser('bob'), accept: undefined, mayGoOn: async () => true },
    requestInfo: {
      ...{ attributes, query, target: '', upgrade: '', targetContainer: '', longRunning: false },
    },
    incoming: body as IncomingMessage,
    outgoing: (outgoing ?? new Outgoing()) as unknown as ServerResponse,
  })
}

const create = (subresource: string, said = '') =>
  handle({ verb: 'create', subresource, body: Readable.from([Buffer.from(said)]) })
const bring = (body: string | Readable, parts: Asked = {}) => {
  const incoming = typeof body === 'string' ? Readable.from([Buffer.from(body)]) : body
  return handle({ verb: 'create', name: '', body: incoming, ...parts })
}
const end = () =>
  store.recordings.end(RECORDING_ID, { ending: 'finished', reason: '', endedAtMs: NOON_MS })

describe('SessionActions', () => {
  test.each([
    ['the recording', { subresource: 'recording' }, true],
    ['a deletion', { verb: 'delete' }, true],
    ['an import', { verb: 'create', name: '' }, true],
    ['the object', {}, false],
    ['a list', { verb: 'list', name: '' }, false],
    ['the log of a pod', { resource: 'pods', subresource: 'log' }, false],
  ])('serves %s: %j is %j', (_name, parts, serves) => {
    expect(SessionActions.serves(aRequest({ resource: 'sessions', ...parts }))).toBe(serves)
  })

  test.each([
    ['another name', { name: 'other' }, 404],
    ['the namespace of others', { namespace: 'other', subresource: 'recording' }, 404],
    ['another subresource', { subresource: 'status' }, 404],
    ['a change of the recording', { verb: 'update', subresource: 'recording' }, 405],
    ['an import into no namespace', { verb: 'create', name: '', namespace: '' }, 405],
  ])('answers %s: %j with %d', async (_name, parts, status) => {
    expect((await handle(parts)).status).toBe(status)
  })

  test('cuts a live session with the name and the words of who did it', async () => {
    expect((await create('cut', '{"reason":"wrong cluster"}')).status).toBe(201)
    await create('cut')
    expect(live.get(RECORDING_ID)).toEqual([
      { ending: 'cut', reason: 'bob ended this session: wrong cluster' },
      { ending: 'cut', reason: 'bob ended this session' },
    ])
  })

  test('cuts nothing that has ended, or is live in no process', async () => {
    live.clear()
    await expect(create('cut')).rejects.toMatchObject({ code: 'binding_conflict' })
    await end()
    live.set(RECORDING_ID, [])
    await expect(create('cut')).rejects.toMatchObject({ code: 'binding_conflict' })
    expect(live.get(RECORDING_ID)).toEqual([])
  })

  test('marks a session as reviewed, by whom and when', async () => {
    const answer = await create('review')
    expect([answer.status, await answer.json()]).toMatchObject([
      201,
      { status: { reviewedBy: 'bob', reviewedAt: '2026-11-23T10:00:00Z' } },
    ])
  })

  test('deletes what has ended, and nothing that is live', async () => {
    await expect(handle({ verb: 'delete' })).rejects.toMatchObject({ code: 'binding_conflict' })
    await end()
    expect((await handle({ verb: 'delete' })).status).toBe(200)
    expect((await handle({ verb: 'delete' })).status).toBe(404)
    expect(await store.recordings.deletions(9)).toMatchObject([{ username: 'bob' }])
  })
})

describe('SessionActions.handle() of a recording', () => {
  test('puts the reader on record before the first byte', async () => {
    const outgoing = new Outgoing()
    const noted: unknown[] = []
    outgoing.write = new Proxy(outgoing.write, {
      apply: (write, self, [chunk]) => {
        noted.push(store.recordings.get(RECORDING_ID))
        return Reflect.apply(write, self, [chunk])
      },
    })
    await Promise.all([handle({ subresource: 'log', outgoing }), text(outgoing)])
    expect(await noted[0]).toMatchObject({ readers: [{ username: 'bob', reads: 1 }] })
  })

  test('reads nothing for whom nothing can be put on record', async () => {
    store.recordings.noteReader = () => Promise.reject(new Fault('audit_unavailable', 'full'))
    const outgoing = new Outgoing()
    const asked = handle({ subresource: 'recording', outgoing })
    await expect(asked).rejects.toMatchObject({ code: 'audit_unavailable' })
    expect(outgoing.readableLength).toBe(0)
  })

  test.each([
    [[['format', 'text']], 'request_invalid'],
    [[['format', 'asciicast2']], 'request_invalid'],
  ] as const)('refuses the query %j', async (query, code) => {
    await expect(handle({ subresource: 'recording', query })).rejects.toMatchObject({ code })
  })

  test('follows no session for a client that has gone meanwhile', async () => {
    const outgoing = new Outgoing()
    const query = [['follow', 'true']] as const
    const reading = handle({ subresource: 'log', query, outgoing })
    outgoing.destroy()
    await reading
    expect(outgoing.readableLength).toBe(0)
  })

  test('reads 64 at the same time, and takes others once one has ended', async () => {
    const readers = Array.from({ length: 64 }, () => new Outgoing().resume())
    const query = [['follow', 'true']] as const
    const reading = readers.map((outgoing) => handle({ subresource: 'log', query, outgoing }))
    await expect(handle({ subresource: 'log' })).rejects.toMatchObject({ code: 'overloaded' })
    readers[0]?.destroy()
    await reading[0]
    const outgoing = new Outgoing().resume()
    await handle({ subresource: 'log', outgoing })
    await end()
    await Promise.all(reading)
  })
})

describe('SessionActions.handle() of an import', () => {
  test('keeps the file under the name of who brought it, and where it comes from', async () => {
    const answer = await bring(CAST, { query: [['source', 'tailscale']] })
    expect([answer.status, await answer.json()]).toMatchObject([
      201,
      {
        metadata: { namespace: 'team' },
        spec: { imported: { by: 'bob', source: 'tailscale', bytes: CAST.length } },
      },
    ])
  })

  test('refuses a source that is too long, and a file that breaks off', async () => {
    const query = [['source', 'x'.repeat(513)]] as const
    await expect(bring(CAST, { query })).rejects.toMatchObject({ code: 'request_invalid' })
    const torn = new PassThrough()
    torn.write(CAST)
    const importing = bring(torn)
    await expect.poll(() => torn.readableLength).toBe(0)
    torn.destroy(new Error('ECONNRESET'))
    await expect(importing).rejects.toMatchObject({ message: 'The file did not come whole' })
    expect(store.recordings.totals()).toMatchObject({ imported: 0 })
  })

  test('takes two at the same time, and others once one has ended, also badly', async () => {
    const [one, other] = [new PassThrough(), new PassThrough()]
    const importing = [bring(one), bring(other)]
    await expect(bring(CAST)).rejects.toMatchObject({ code: 'overloaded' })
    one.end('hello')
    await expect(importing[0]).rejects.toMatchObject({ code: 'request_invalid' })
    expect((await bring(CAST)).status).toBe(201)
    other.end(CAST.replace('ls', 'pwd'))
    expect((await importing[1])?.status).toBe(201)
  })

  test('refuses the same file twice in one namespace, with the id of the first', async () => {
    const first = (await (await bring(CAST)).json()) as { metadata: { name: string } }
    await expect(bring(CAST)).rejects.toMatchObject({
      ...{ code: 'binding_conflict', message: expect.stringContaining(first.metadata.name) },
    })
    expect((await bring(CAST, { namespace: 'other' })).status).toBe(201)
  })

  test('begins none without room, and ends one for which room ran out', async () => {
    const body = new PassThrough()
    body.write(CAST)
    const importing = bring(body)
    await expect.poll(() => body.readableLength).toBe(0)
    full = 'the volume is full'
    body.write('[0.2,"o","x"]\n')
    await expect(importing).rejects.toMatchObject({ code: 'overloaded' })
    await expect(bring(CAST)).rejects.toMatchObject({ message: full })
    expect(store.recordings.totals()).toMatchObject({ imported: 0 })
  })
})

test('SessionActions shows what the decision of a session says of its target', async () => {
  const answer = await create('review')
  expect(await answer.json()).toMatchObject({ spec: { target: aDecision(1).attributes.name } })
})
