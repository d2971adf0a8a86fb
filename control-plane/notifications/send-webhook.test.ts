import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestAuthority } from '../../test/support/test-certificates.ts'
import { type SendResult, sendWebhook } from './send-webhook.ts'
import type { WebhookTarget } from './webhook-target.ts'

let server: Server
let target: WebhookTarget
let answer: (incoming: IncomingMessage, outgoing: ServerResponse) => unknown

beforeAll(async () => {
  const authority = await createTestAuthority('receiver')
  const { certificatePem, privateKeyPem } = await authority.issueServer()
  server = createServer({ cert: certificatePem, key: privateKeyPem }, (incoming, outgoing) => {
    answer(incoming, outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  target = {
    ...{ name: 'chat', url: new URL(`https://127.0.0.1:${port}/hook`), format: 'standard' },
    ...{ keys: [], namespaces: undefined, caCertificate: authority.certificatePem },
  }
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const status = (code: number, headers: Readonly<Record<string, string>> = {}) => {
  answer = (_incoming, outgoing) => outgoing.writeHead(code, headers).end('secret of the receiver')
}

describe('sendWebhook()', () => {
  test('posts the body with its headers', async () => {
    const got = Promise.withResolvers<unknown>()
    answer = async (incoming, outgoing) => {
      const { method, url, headers } = incoming
      const body = await text(incoming)
      outgoing.writeHead(204).end()
      got.resolve({ method, url, body, id: headers['webhook-id'], type: headers['content-type'] })
    }
    expect(await sendWebhook(target, { 'webhook-id': '1' }, '{"a":"ä"}')).toEqual({
      result: 'taken',
    })
    expect(await got.promise).toEqual({
      ...{ method: 'POST', url: '/hook', body: '{"a":"ä"}', id: '1', type: 'application/json' },
    })
  })

  test.each<[number, Readonly<Record<string, string>>, SendResult]>([
    [200, {}, { result: 'taken' }],
    [302, { location: 'https://127.0.0.1:1/' }, failed('302')],
    [404, {}, failed('404')],
    [410, {}, { result: 'refused', why: 'the receiver answered HTTP 410' }],
    [500, {}, failed('500')],
    [429, { 'retry-after': '7' }, { ...failed('429'), retryAfterMs: 7_000 }],
    [503, { 'retry-after': '999999' }, { ...failed('503'), retryAfterMs: 3_600_000 }],
    [503, { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }, failed('503')],
  ])('takes %d %j for what it is, and tells nothing of the answer', async (code, headers, want) => {
    status(code, headers)
    expect(await sendWebhook(target, {}, '{}')).toEqual(want)
  })

  test('believes no certificate of another authority', async () => {
    status(200)
    const { caCertificate: _none, ...rest } = target
    const sent = await sendWebhook({ ...rest, caCertificate: undefined }, {}, '{}')
    expect(sent).toMatchObject({ result: 'failed', why: expect.stringMatching(/^no connection/) })
  })

  test('fails where nobody listens, or the receiver hangs up', async () => {
    const nowhere = { ...target, url: new URL('https://127.0.0.1:1/hook?secret=1') }
    expect(await sendWebhook(nowhere, {}, '{}')).toEqual({
      ...{ result: 'failed', why: 'no connection (ECONNREFUSED)' },
    })
    answer = (incoming) => incoming.destroy()
    expect(await sendWebhook(target, {}, '{}')).toMatchObject({ result: 'failed' })
  })
})

function failed(code: string): SendResult & { readonly result: 'failed' } {
  return { result: 'failed', why: `the receiver answered HTTP ${code}` }
}
