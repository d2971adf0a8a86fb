import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SessionObject } from '../../../api/objects/session-object.ts'
import { LiveRecordings } from '../../../control-plane/services/live-recordings.ts'
import type { Store } from '../../../control-plane/store/store.ts'
import { NO_OBLIGATIONS } from '../../../core/policy/obligations.ts'
import type { SessionEvent } from '../../../core/recording/session-event.ts'
import { SessionChunkSchema } from '../../../proto/gen/lanyard/v1/recording_pb.ts'
import { sessionEventToMessage } from '../../../proto/session-event-message.ts'
import {
  type AccessApiFixture,
  sqliteStores,
  startAccessApi,
} from '../../support/access-api-fixture.ts'
import { aRequest } from '../../support/policy-builders.ts'
import {
  AGENT,
  aDecision,
  aDecisionId,
  anEnrolledBinding,
  NOON_MS,
} from '../../support/record-builders.ts'

const ID = aDecisionId(1)
const ALL = '/apis/access.lanyard.dev/v1alpha1/sessions'
const IN_TEAM = '/apis/access.lanyard.dev/v1alpha1/namespaces/team/sessions'
const PATH = `${IN_TEAM}/${ID.toLowerCase()}`
const exec = {
  ...{
    command: ['sh', '-c', 'echo \u001b]52;c;x'],
    stdin: true,
    stdout: true,
    stderr: false,
    tty: true,
  },
  ...{ container: 'app', env: [] },
}

let api: AccessApiFixture
let store: Store
let live: LiveRecordings
let close: () => Promise<void>

beforeEach(async () => {
  const stores = await sqliteStores()
  live = new LiveRecordings()
  api = await startAccessApi({ live }, stores)
  store = stores.store as Store
  close = async () => {
    await api.close()
    await stores.close()
  }
  const attributes = aRequest({ verb: 'create', subresource: 'exec', name: 'web', exec })
  const obligations = { ...NO_OBLIGATIONS, record: 'output' as const }
  await api.auditEvents.append(aDecision(1, { attributes, obligations }))
  await store.recordings.begin({
    ...{ id: ID, decisionSequence: 1, podUid: AGENT.podUid, namespace: 'team', pod: 'agent' },
    ...{
      rootRequester: 'alice',
      protocol: 'v5.channel.k8s.io',
      level: 'output',
      beganAtMs: NOON_MS,
    },
  })
})

afterEach(() => close())

const OUTPUT: SessionEvent = { kind: 'output', atUs: 1_000, bytes: Uint8Array.of(0xff, 0x41, 10) }
const END = { ending: 'finished', reason: '', endedAtMs: NOON_MS + 5_000 } as const

async function record(number: number, ...events: readonly SessionEvent[]): Promise<void> {
  const message = create(SessionChunkSchema, {
    number: BigInt(number),
    events: events.map(sessionEventToMessage),
  })
  const bytes = toBinary(SessionChunkSchema, message)
  await store.recordings.append(ID, { number, lastUs: events.at(-1)?.atUs ?? 0, bytes })
}

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const post = (path: string, user?: string) => api.get(path, user, { method: 'POST' })
const readObject = async () => (await api.get(PATH)).json as SessionObject

describe('sessions', () => {
  test('are got and listed, with their commands escaped', async () => {
    expect(await readObject()).toMatchObject({
      kind: 'Session',
      metadata: { name: ID.toLowerCase(), namespace: 'team', uid: ID },
      spec: {
        target: 'web',
        subresource: 'exec',
        container: 'app',
        terminal: true,
        level: 'output',
      },
      status: { phase: 'Live' },
    })
    expect(JSON.stringify(await readObject())).not.toContain('\\u001b')
    const { json } = await api.get(`${ALL}?fieldSelector=status.phase=Live,spec.target=web`)
    expect(json).toMatchObject({ kind: 'SessionList', items: [{ metadata: { uid: ID } }] })
    expect((await api.get(`${ALL}?fieldSelector=status.phase=Ended`)).json).toMatchObject({
      items: [],
    })
  })

  test('are told as a Table', async () => {
    const accept = 'application/json;as=Table;g=meta.k8s.io;v=v1'
    const { json } = await api.get(IN_TEAM, 'alice', {
      headers: { 'x-remote-user': 'alice', accept },
    })
    const { rows } = json as { rows: { cells: unknown[] }[] }
    expect(rows[0]?.cells.slice(0, 6)).toEqual([
      ...[ID.toLowerCase(), 'exec', 'web', 'agent', 'alice', 'Live'],
    ])
  })

  test.each([
    ['another namespace', `${IN_TEAM.replace('team', 'open')}/${ID.toLowerCase()}`],
    ['no session', `${IN_TEAM}/${aDecisionId(9).toLowerCase()}/recording`],
    ['a path', `${IN_TEAM}/..%2F..%2Fetc%2Fpasswd/recording`],
    ['another subresource', `${PATH}/status`],
  ])('are not found for %s', async (_name, path) => {
    const { status } = await api.get(path)
    expect([400, 404]).toContain(status)
  })

  test('are watched: added, changed, deleted', async () => {
    const watch = await api.watch(`${ALL}?watch=true`)
    expect(await watch.take(1)).toMatchObject([
      { type: 'ADDED', object: { status: { phase: 'Live' } } },
    ])
    await store.recordings.end(ID, END)
    const [changed] = await watch.take(1)
    expect(changed).toMatchObject({ type: 'MODIFIED', object: { status: { ending: 'finished' } } })
    expect((await api.get(PATH, 'alice', { method: 'DELETE' })).status).toBe(200)
    expect(await watch.take(1)).toMatchObject([
      { type: 'DELETED', object: { metadata: { uid: ID } } },
    ])
    watch.close()
  })

  test('are refused to whoever may not', async () => {
    for (const path of [PATH, `${PATH}/recording`])
      expect((await api.get(path, 'bob')).status).toBe(403)
    expect((await post(`${PATH}/cut`, 'bob')).status).toBe(403)
    expect((await readObject()).status.readers).toEqual([])
  })

  test('are in discovery with what can be done', async () => {
    const { json } = await api.get('/apis/access.lanyard.dev/v1alpha1')
    const { resources } = json as { resources: { name: string; verbs: string[] }[] }
    const verbsOf = (name: string) => resources.find((one) => one.name === name)?.verbs
    expect(verbsOf('sessions')).toEqual(['get', 'list', 'watch', 'create', 'delete'])
    expect(verbsOf('sessions/cut')).toEqual(['create'])
  })
})

describe('sessions/recording', () => {
  test('sends events with all their bytes, and puts the reader on record first', async () => {
    await record(1, OUTPUT)
    await record(2, { kind: 'exit', atUs: 2_000, code: 3, status: '' })
    await store.recordings.end(ID, END)
    const { headers, text } = await api.get(`${PATH}/recording`)
    expect(headers['content-type']).toBe('application/x-ndjson')
    const [header, ...rest] = linesOf(text)
    expect(header).toMatchObject({ version: 1, session: { metadata: { uid: ID } } })
    expect(rest).toEqual([
      { kind: 'output', atUs: 1_000, bytes: Buffer.from([0xff, 0x41, 10]).toString('base64') },
      { kind: 'exit', atUs: 2_000, code: 3, status: '' },
      { ending: 'finished', reason: '' },
    ])
    const { readers } = (await readObject()).status
    expect(readers).toMatchObject([{ username: 'alice', reads: 1 }])
  })

  test('sends an asciicast to whoever accepts it, or names it', async () => {
    await record(1, OUTPUT)
    await store.recordings.end(ID, END)
    const headers = { 'x-remote-user': 'alice', accept: 'application/x-asciicast' }
    const asked = [
      await api.get(`${PATH}/recording`, 'alice', { headers }),
      await api.get(`${PATH}/log?format=asciicast`),
    ]
    for (const { headers: got, text } of asked) {
      expect(got['content-type']).toBe('application/x-asciicast')
      const [header, event] = linesOf(text)
      expect(header).toMatchObject({ version: 3, lanyard: { id: ID, rootRequester: 'alice' } })
      expect(event.slice(1)).toEqual(['o', '\ufffdA\n'])
    }
    expect((await api.get(`${PATH}/recording?format=mp4`)).status).toBe(400)
  })

  test('follows a live session to its end', async () => {
    await record(1, OUTPUT)
    const lines = await api.watch(`${PATH}/log?follow=true`)
    expect(await lines.take(2)).toMatchObject([{ version: 1 }, { kind: 'output', atUs: 1_000 }])
    await record(2, { ...OUTPUT, atUs: 2_000 })
    expect(await lines.take(1)).toMatchObject([{ kind: 'output', atUs: 2_000 }])
    await store.recordings.end(ID, { ...END, ending: 'cut', reason: 'enough' })
    expect(await lines.rest()).toEqual([{ ending: 'cut', reason: 'enough' }])
  })

  test('sends what is there of a live session, without an end', async () => {
    await record(1, OUTPUT)
    const { text } = await api.get(`${PATH}/recording`)
    expect(linesOf(text).map(({ kind }) => kind)).toEqual([undefined, 'output'])
  })
})

describe('sessions/cut, sessions/review and delete', () => {
  test('cut ends a live session with a reason that names who did it', async () => {
    const reasons: string[] = []
    const binding = anEnrolledBinding([AGENT], 1)
    live.add({ id: ID, binding, cut: ({ reason }) => void reasons.push(reason) })
    expect((await post(`${PATH}/cut`)).status).toBe(201)
    expect(reasons).toEqual(['alice ended this session'])
  })

  test('cut answers 409 for a session that is not live', async () => {
    expect((await post(`${PATH}/cut`)).status).toBe(409)
  })

  test('review marks a session with who did it', async () => {
    expect((await post(`${PATH}/review`)).status).toBe(201)
    expect((await readObject()).status).toMatchObject({ reviewedBy: 'alice' })
  })

  test('delete takes no live session, takes one that ended, and keeps who did it', async () => {
    const remove = () => api.get(PATH, 'alice', { method: 'DELETE' })
    expect((await remove()).status).toBe(409)
    await store.recordings.end(ID, END)
    expect((await remove()).status).toBe(200)
    expect((await api.get(PATH)).status).toBe(404)
    expect((await remove()).status).toBe(404)
    expect(await store.recordings.deletions(9)).toMatchObject([{ id: ID, username: 'alice' }])
  })
})
