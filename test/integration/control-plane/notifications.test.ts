import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startNotifications } from '../../../control-plane/notifications/start-notifications.ts'
import {
  parseWebhookKey,
  signWebhook,
} from '../../../control-plane/notifications/webhook-signature.ts'
import { openStore } from '../../../control-plane/store/open-store.ts'
import type { Store } from '../../../control-plane/store/store.ts'
import { createLogger } from '../../../platform/logger.ts'
import { createMetrics } from '../../../platform/metrics.ts'
import { approvalsOf, openRequest } from '../../support/access-request-parts.ts'
import { aHeldRule } from '../../support/approval-parts.ts'
import { aUser } from '../../support/record-builders.ts'
import { createTestAuthority } from '../../support/test-certificates.ts'

/* From a request that waits to a receiver on a real socket, over the product's store. */

const KEY = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let folder: string
let store: Store
let receiver: Server
let received: Received[]
let target: Readonly<Record<string, unknown>>
let started: ReturnType<typeof startNotifications>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-notifications-'))
  store = await openStore(':memory:')
  received = []
  const authority = await createTestAuthority('receiver')
  const { certificatePem: cert, privateKeyPem: key } = await authority.issueServer()
  receiver = createServer({ cert, key }, async (incoming, outgoing) => {
    const body = await text(incoming)
    received.push({ headers: incoming.headers, body })
    outgoing.writeHead(incoming.url === '/gone' ? 410 : 200).end()
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const { port } = receiver.address() as AddressInfo
  const caCertificate = authority.certificatePem
  target = { url: `https://127.0.0.1:${port}/hook`, keys: [KEY], caCertificate }
})
afterEach(async () => {
  started.stop()
  receiver.closeAllConnections()
  receiver.close()
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

function start(at = folder): void {
  const metrics = createMetrics('control-plane', 'test')
  started = startNotifications({
    store: store.accessRequests,
    folder: at,
    counter: metrics.counter('notifications_total', 'Of this test.', ['result']),
    logger: createLogger({ name: 'test', level: 'error' }),
  })
}

const configure = (name: string, parts: object = {}) =>
  writeFile(join(folder, `${name}.json`), JSON.stringify({ ...target, ...parts }))
const types = () => received.map(({ body }) => (JSON.parse(body) as { type: string }).type)

describe('startNotifications()', () => {
  test('tells of a request and of its end, signed', async () => {
    await configure('chat')
    start()
    const { id, digest } = await openRequest(store, 1)
    await expect.poll(types).toEqual(['accessrequest.pending'])
    const [{ headers, body } = { headers: {}, body: '' }] = received
    const atSeconds = Number(headers['webhook-timestamp'])
    expect(Math.abs(Date.now() / 1_000 - atSeconds)).toBeLessThan(60)
    expect(headers).toMatchObject(
      signWebhook([parseWebhookKey(KEY)], { id: `${id}-pending`, atSeconds, body }),
    )
    const by = aUser('oncall', ['oncall'])
    await approvalsOf(store).approve(id, { by, reason: '', digest, scope: 'request' })
    await expect.poll(types).toEqual(['accessrequest.pending', 'accessrequest.approved'])
  })

  test('raises the alarm when glass is broken, once', async () => {
    await configure('pager')
    start()
    const rules = [aHeldRule({ approvers: [], self: true, requireReason: true })]
    const { id, digest } = await openRequest(store, 1, { rules })
    const by = aUser('alice')
    await approvalsOf(store).approve(id, { by, reason: 'INC-7', digest, scope: 'request' })
    await expect
      .poll(() => types().sort())
      .toEqual([...['accessgrant.breakglass', 'accessrequest.approved', 'accessrequest.pending']])
  })

  test('announces again what waits when it starts, under the same id', async () => {
    await configure('chat')
    const { id } = await openRequest(store, 1)
    start()
    await expect.poll(types).toEqual(['accessrequest.pending'])
    started.stop()
    start()
    await expect.poll(types).toHaveLength(2)
    expect(received.map(({ headers }) => headers['webhook-id'])).toEqual([
      ...[`${id}-pending`, `${id}-pending`],
    ])
  })

  test('takes up a webhook that is added, and one that goes, without a restart', async () => {
    start()
    await openRequest(store, 1)
    await configure('chat')
    const second = await openRequest(store, 2)
    await expect
      .poll(() => received.map(({ headers }) => headers['webhook-id']))
      .toEqual([`${second.id}-pending`])
    await rm(join(folder, 'chat.json'))
    await configure('slack', { format: 'slack', keys: [] })
    await openRequest(store, 3)
    await expect.poll(() => received.length).toBe(2)
    expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({ text: expect.any(String) })
  })

  test('lists what nobody was told, and decides nothing later for it', async () => {
    await configure('chat', { url: String(target['url']).replace('/hook', '/gone') })
    await writeFile(join(folder, 'broken.json'), '{')
    start()
    const { id } = await openRequest(store, 1)
    const dead = () =>
      started.log
        .list(0)
        .filter(({ phase }) => phase === 'Dead')
        .map(({ name, reason }) => [name, reason])
    await expect
      .poll(() => dead().sort())
      .toEqual([
        [`${id}-pending-broken`, 'The file is no JSON'],
        [`${id}-pending-chat`, 'the receiver answered HTTP 410'],
      ])
    expect(store.accessRequests.get(id)).toMatchObject({ phase: 'Pending' })
  })

  test('sends nothing anywhere without a folder', async () => {
    await configure('chat')
    start('')
    await openRequest(store, 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect([started.log.list(0), received]).toEqual([[], []])
  })
})
