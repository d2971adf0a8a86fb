import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { parseRequestInfo } from '../../core/kubernetes/request-info.ts'
import { createLogger } from '../../platform/logger.ts'
import type { ApiResource } from './api-resource.ts'
import { createResourceHandler } from './resource-handler.ts'

/** Takes what a watch writes. */
class Client extends EventEmitter {
  writableEnded = false
  destroyed = false
  headersSent = false
  writeHead(): this {
    return this
  }
  flushHeaders(): void {}
  write(): boolean {
    return true
  }
  end(): void {
    this.writableEnded = true
    this.emit('close')
  }
}

/** A log whose newest record is 7, and whose records up to 3 were removed. */
const LOG = {
  ...{ resource: 'auditevents', fields: [], removed: 3 },
  bounds: async () => ({ removedUntil: 3, newest: 7 }),
  openChanges: async () => ({
    know: () => undefined,
    next: async () => ({ changes: [], revision: 7, more: false }),
  }),
  onCommit: () => () => undefined,
} as unknown as ApiResource

const stop = new AbortController()
const handle = createResourceHandler({
  clock: { now: () => 0 },
  logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
  watchTimes: { bookmarkMs: 60_000, pauseMs: 1, stallMs: 60_000 },
  watchesMax: 2,
  stopping: stop.signal,
})

function watch(resourceVersion: string) {
  const client = new Client()
  const path = '/apis/access.lanyard.dev/v1alpha1/namespaces/team/auditevents'
  const target = `${path}?watch=1&resourceVersion=${resourceVersion}`
  const answer = handle(LOG, {
    requestInfo: parseRequestInfo('GET', target, undefined),
    accept: 'application/json',
    outgoing: client as unknown as ServerResponse,
    mayGoOn: async () => true,
  })
  return { client, answer }
}

test('createResourceHandler() takes so many watches, and another when one has ended', async () => {
  const open = [watch('7'), watch('7')]
  await new Promise((resolve) => setImmediate(resolve))
  await expect(watch('7').answer).rejects.toMatchObject({ code: 'overloaded' })
  open[0]?.client.end()
  await open[0]?.answer
  const third = watch('7')
  await new Promise((resolve) => setImmediate(resolve))
  expect(third.client.writableEnded).toBe(false)
  for (const { client, answer } of [...open, third]) {
    client.end()
    await answer
  }
})

test.each([
  ['was removed', '2', 410],
  ['is of another log', '9', 410],
])(
  'createResourceHandler() has a client list again whose revision %s',
  async (_, revision, code) => {
    expect((await watch(revision).answer).status).toBe(code)
  },
)
