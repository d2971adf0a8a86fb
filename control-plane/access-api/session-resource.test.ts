import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AGENT, aBinding, aDecision, NOON_MS } from '../../test/support/record-builders.ts'
import {
  aNewRecording,
  OTHER_RECORDING_ID,
  RECORDING_ID,
} from '../../test/support/recording-parts.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { createSessionResource, findRecording } from './session-resource.ts'

let store: Store
let sessions: ReturnType<typeof createSessionResource>

beforeEach(async () => {
  store = await openStore(':memory:')
  sessions = createSessionResource(store)
  await store.bindings.record(aBinding([AGENT]))
  await store.auditEvents.append(aDecision(1, { id: RECORDING_ID }))
  await store.recordings.begin(aNewRecording())
  await store.recordings.begin(
    aNewRecording({ id: OTHER_RECORDING_ID, decisionSequence: 2, beganAtMs: NOON_MS + 1_000 }),
  )
})
afterEach(() => store.close())

const END = { ending: 'finished', reason: '', endedAtMs: NOON_MS + 9 } as const
const TEAM = { namespace: 'team', requirements: [] }
const name = (id: string) => id.toLowerCase()

async function listed(...[selection, request]: Parameters<typeof sessions.list>) {
  const page = await sessions.list(selection, request)
  return { ...page, names: page.objects.map(({ metadata }) => metadata.name.toUpperCase()) }
}

test.each([
  ['its own namespace', 'team', RECORDING_ID, true],
  ['lower case, as objects have it', 'team', name(RECORDING_ID), true],
  ['another namespace', 'other', RECORDING_ID, false],
  ['what is no id', 'team', '../x', false],
])('findRecording() looks in %s', async (_name, namespace, asked, isFound) => {
  expect((await findRecording(store, namespace, asked)) !== undefined).toBe(isFound)
})

describe('createSessionResource().list()', () => {
  test('gives pages, each from where the last one ended', async () => {
    const first = await listed(TEAM, { limit: 1 })
    expect(first.names).toEqual([RECORDING_ID])
    const { next: position } = first
    const second = await listed(TEAM, { limit: 1, ...(position && { position }) })
    expect([second.names, second.next, second.revision]).toEqual([
      [OTHER_RECORDING_ID],
      undefined,
      first.revision,
    ])
  })

  test.each([
    ['the newest', { tail: 1 }, [OTHER_RECORDING_ID]],
    ['what began since', { sinceMs: NOON_MS + 1 }, [OTHER_RECORDING_ID]],
    ['what began until', { untilMs: NOON_MS + 1 }, [RECORDING_ID]],
  ])('gives %s', async (_name, request, names) => {
    expect((await listed(TEAM, { limit: 9, ...request })).names).toEqual(names)
  })

  test('gives nothing of another namespace', async () => {
    expect((await listed({ namespace: 'other', requirements: [] }, { limit: 9 })).names).toEqual([])
  })
})

describe('createSessionResource().openChanges()', () => {
  const open = (selection = TEAM) => sessions.openChanges(selection, store.recordings.revision())
  type Changes = Awaited<ReturnType<typeof open>>
  async function next(changes: Changes) {
    const page = await changes.next()
    return page.changes.map(({ type, object }) => [type, object.metadata.name.toUpperCase()])
  }

  test('adds a session when the watcher sees it first, modifies and deletes it', async () => {
    const changes = await open()
    await store.recordings.end(RECORDING_ID, END)
    expect(await next(changes)).toEqual([['ADDED', RECORDING_ID]])
    await store.recordings.review(RECORDING_ID, { username: 'bob', atMs: 1 })
    expect(await next(changes)).toEqual([['MODIFIED', RECORDING_ID]])
    await store.recordings.remove(RECORDING_ID, { username: 'bob', atMs: 1 })
    expect(await next(changes)).toEqual([['DELETED', RECORDING_ID]])
    expect(await next(changes)).toEqual([])
  })

  test('says MODIFIED of a session that the list has shown, once for several changes', async () => {
    const changes = await open()
    for (const object of (await sessions.list(TEAM, { limit: 9 })).objects) changes.know(object)
    await store.recordings.end(RECORDING_ID, END)
    await store.recordings.review(RECORDING_ID, { username: 'bob', atMs: 1 })
    expect(await next(changes)).toEqual([['MODIFIED', RECORDING_ID]])
  })

  test('tells a watcher of another namespace of nothing', async () => {
    const changes = await open({ namespace: 'other', requirements: [] })
    await store.recordings.end(RECORDING_ID, END)
    expect(await next(changes)).toEqual([])
  })

  test('wants a new list when changes are no longer known', async () => {
    const changes = await sessions.openChanges(TEAM, -1)
    await expect(changes.next()).rejects.toMatchObject({ code: 'audit_unavailable' })
  })
})
