import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { AccessObject } from '../../api/objects/access-object.ts'
import { createLogger } from '../../platform/logger.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import type { ApiResource, ChangePage, ListPage, ObjectChange } from './api-resource.ts'
import type { Rendering } from './table.ts'
import { streamWatch, type Watch } from './watch-stream.ts'

/** A client that takes what is written only while it reads. */
class Client extends Writable {
  text = ''
  #reads = true
  #pending: (() => void) | undefined

  constructor() {
    super({ highWaterMark: 200 })
  }

  writeHead(): this {
    return this
  }

  flushHeaders(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    if (this.#reads) done()
    else this.#pending = done
  }

  stall(): void {
    this.#reads = false
  }

  read(): void {
    this.#reads = true
    this.#pending?.()
  }

  /** Type of each event, and the name of its object. */
  get events(): readonly string[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { type: string; object: { name?: string; code?: number } })
      .map(({ type, object }) => `${type} ${object.name ?? object.code ?? ''}`.trim())
  }
}

interface There {
  /** Pages of what is there at the beginning. */
  readonly pages?: readonly (readonly string[])[]
  /** What changes afterwards; an error is thrown. */
  readonly changes?: readonly (readonly string[] | Error)[]
  readonly watch?: Partial<Watch>
}

const named = (name: string) => ({ name }) as unknown as AccessObject

function aWatch({ pages = [], changes = [], watch = {} }: There) {
  const clock = new ManualClock()
  const stop = new AbortController()
  const client = new Client()
  const known: unknown[] = []
  const left = [...changes]
  let commit = () => {}
  let stopped = 0
  const resource = {
    resource: 'auditevents',
    list: async (_selection: unknown, { position }: { position?: { afterSequence: number } }) => {
      const at = position?.afterSequence ?? 0
      const next = at + 1 < pages.length ? { next: { afterSequence: at + 1, revision: 7 } } : {}
      return {
        objects: (pages[at] ?? []).map(named),
        revision: 7,
        ...next,
      } as ListPage<AccessObject>
    },
    openChanges: async () => ({
      know: (object: unknown) => void known.push(object),
      next: async (): Promise<ChangePage<AccessObject>> => {
        const page = left.shift() ?? []
        if (page instanceof Error) throw page
        const type = 'MODIFIED' as ObjectChange<AccessObject>['type']
        const found = page.map((name) => ({ type, object: named(name) }))
        return { changes: found, revision: 8, more: false }
      },
    }),
    onCommit: (listener: () => void) => {
      commit = listener
      return () => {
        stopped += 1
      }
    },
  } as unknown as ApiResource
  const rendering = {
    one: (object: unknown) => object,
    bookmark: (revision: string, annotations: object) => ({
      name: [revision, ...Object.keys(annotations)].join(' '),
    }),
  } as unknown as Rendering
  const done = streamWatch(client as unknown as ServerResponse, {
    ...{ resource, rendering, clock, selection: { namespace: '', requirements: [] } },
    ...{ afterRevision: 7, bookmarks: false, marksInitialEnd: false, timeoutMs: 1_000 },
    times: { bookmarkMs: 100, pauseMs: 10, stallMs: 50 },
    ...{ signal: stop.signal, mayGoOn: async () => true },
    logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
    ...watch,
  })
  return { clock, stop, client, known, done, commit: () => commit(), stopped: () => stopped }
}

test('streamWatch() begins with what is there, page by page, and marks where that ends', async () => {
  const { clock, client, known, done } = aWatch({
    pages: [['a', 'b'], ['c']],
    watch: { afterRevision: undefined, marksInitialEnd: true },
  })
  await clock.advance(2_000)
  await done
  expect(client.events).toEqual([
    'ADDED a',
    'ADDED b',
    'ADDED c',
    'BOOKMARK 7 k8s.io/initial-events-end',
  ])
  expect(known).toHaveLength(3)
})

test('streamWatch() tells changes when something was committed, a burst of them at one look', async () => {
  const { clock, client, done, commit } = aWatch({ changes: [[], ['a'], ['b']] })
  await clock.advance(10)
  for (const _ of [1, 2, 3]) commit()
  await clock.advance(9)
  expect(client.events).toEqual([])
  await clock.advance(1)
  expect(client.events).toEqual(['MODIFIED a'])
  commit()
  await clock.advance(10)
  expect(client.events).toEqual(['MODIFIED a', 'MODIFIED b'])
  await clock.advance(2_000)
  await done
})

test('streamWatch() writes bookmarks, one at its end too, and stops listening', async () => {
  const { clock, client, done, stopped } = aWatch({ watch: { bookmarks: true, timeoutMs: 250 } })
  await clock.advance(300)
  await done
  expect(client.events).toEqual(Array(3).fill('BOOKMARK 8'))
  expect(stopped()).toBe(1)
  expect(clock.waiting).toBe(0)
})

test('streamWatch() ends when the user may not watch any more', async () => {
  const { clock, client, done } = aWatch({
    watch: { bookmarks: true, mayGoOn: async () => false },
  })
  await clock.advance(100)
  await done
  expect(client.events).toEqual([])
  expect(client.writableEnded).toBe(true)
})

test('streamWatch() says in the stream what went wrong', async () => {
  const { clock, client, done } = aWatch({ changes: [new Error('the disk is gone')] })
  await clock.advance(0)
  await done
  expect(client.events).toEqual(['ERROR 500'])
  expect(client.text).not.toContain('the disk')
})

test('streamWatch() reads no further than its client, and goes on with it', async () => {
  const long = 'x'.repeat(300)
  const { clock, client, done } = aWatch({ changes: [[long, 'b']] })
  client.stall()
  await clock.advance(40)
  expect(client.events).toEqual([`MODIFIED ${long}`])
  client.read()
  await clock.advance(0)
  expect(client.events).toEqual([`MODIFIED ${long}`, 'MODIFIED b'])
  await clock.advance(2_000)
  await done
})

test('streamWatch() cuts a client off that takes nothing for too long', async () => {
  const { clock, client } = aWatch({ changes: [['x'.repeat(300), 'b']] })
  client.on('error', () => undefined)
  client.stall()
  await clock.advance(50)
  await turn()
  expect(client.destroyed).toBe(true)
})

test('streamWatch() ends with its signal, and leaves nothing behind', async () => {
  const { clock, stop, client, done, stopped } = aWatch({ watch: { bookmarks: true } })
  await clock.advance(20)
  stop.abort()
  await done
  expect([client.events, client.writableEnded, stopped(), clock.waiting]).toEqual([[], true, 1, 0])
})
