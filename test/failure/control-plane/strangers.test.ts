import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect, type TLSSocket } from 'node:tls'
import { Metadata } from '@grpc/grpc-js'
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { startWebhookServer, type WebhookServer } from '../../../injector/front/webhook-server.ts'
import { STRANGERS, STRANGERS_TO_FRONT_PROXY } from '../../../platform/connection-gate.ts'
import { createLogger } from '../../../platform/logger.ts'
import { AuthorizationService } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { EnrolmentService } from '../../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { createGrpcClient } from '../../../proto/grpc-service.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { AGENT, aBinding } from '../../support/record-builders.ts'
import { createTestAuthority, type TestCertificate } from '../../support/test-certificates.ts'

/* Connections without a credential take little, and no place from those that have one. */

const FLOOD = 300
const sockets: TLSSocket[] = []

/** Handshakes from an address of its own, as another pod has; says nothing more. */
function stranger(port: number, options: object = {}): TLSSocket {
  const target = { host: '127.0.0.1', port, localAddress: '127.0.0.2', rejectUnauthorized: false }
  const socket = connect({ ...target, ...options })
  socket.on('error', () => undefined)
  // One that does not read does not see its end.
  socket.resume()
  sockets.push(socket)
  return socket
}

/** Resolves with an answer, so once the server has looked at the certificate as well. */
const ask = (socket: TLSSocket) => {
  const answer = new Promise<string>((resolve) => socket.once('data', (b) => resolve(`${b}`)))
  socket.write('GET / HTTP/1.1\r\nhost: injector\r\n\r\n')
  return answer
}

const openOnes = () => sockets.filter(({ destroyed }) => !destroyed).length
const untilOpen = async (most: number) => {
  await expect.poll(openOnes, { timeout: 15_000 }).toBeLessThanOrEqual(most)
  expect(openOnes()).toBeGreaterThan(0)
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

describe('the gRPC server', () => {
  let fixture: ControlPlaneFixture

  beforeEach(async () => {
    fixture = await startControlPlaneFixture()
    await fixture.store.bindings.record(aBinding([AGENT]))
    const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
    fixture.tokens.set('good', { ...account, extra: { [POD_UID_EXTRA]: [AGENT.podUid] } })
  })
  afterEach(() => fixture.close())

  const port = () => Number(fixture.address.split(':')[1])

  function enroll(): Promise<string> {
    const client = createGrpcClient(EnrolmentService, fixture.address, fixture.credentials)
    return new Promise<string>((resolve, reject) => {
      const options = { deadline: Date.now() + 10_000 }
      client.enroll({ token: 'good' }, new Metadata(), options, (error, answer) => {
        if (error === null) resolve(answer?.session ?? '')
        else reject(error)
      })
    }).finally(() => client.close())
  }

  test('keeps few connections of strangers, and serves who comes meanwhile', async () => {
    for (let count = 0; count < FLOOD; count += 1) stranger(port(), { ALPNProtocols: ['h2'] })
    expect(await enroll()).not.toBe('')
    await untilOpen(STRANGERS.perAddress)
  })

  test('leaves an idle stream alone that has shown its session', async () => {
    const session = await enroll()
    const client = createGrpcClient(AuthorizationService, fixture.address, fixture.credentials)
    const stream = client.authorizeStream(bearer(session))
    const ends: string[] = []
    stream.on('error', ({ message }) => ends.push(message))
    stream.on('end', () => ends.push('end'))
    await new Promise((resolve) => stream.once('metadata', resolve))
    await new Promise((resolve) => setTimeout(resolve, STRANGERS.patienceMs + 1_000))
    expect(ends).toEqual([])
    stream.cancel()
    client.close()
  })

  test('reads no more of a message that never ends than an enrolment needs', async () => {
    const session: ClientHttp2Session = connectHttp2(`https://${fixture.address}`, {
      rejectUnauthorized: false,
    })
    session.on('error', () => undefined)
    const closed = new Promise<void>((resolve) => session.once('close', resolve))
    const request = session.request({
      ':method': 'POST',
      ':path': '/lanyard.v1.EnrolmentService/Enroll',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    request.on('error', () => undefined)
    const length = 1_000_000
    request.write(Buffer.concat([Buffer.from([0, 0, 0x0f, 0x42, 0x40]), Buffer.alloc(length - 1)]))
    const began = performance.now()
    await closed
    expect(performance.now() - began).toBeLessThan(STRANGERS.patienceMs - 1_000)
  })
})

describe('the webhook server', () => {
  let server: WebhookServer
  let frontProxy: TestCertificate

  beforeEach(async () => {
    const [own, proxies] = await Promise.all(['own', 'proxies'].map(createTestAuthority))
    const certificate = (await own?.issueServer('injector')) as TestCertificate
    frontProxy = (await proxies?.issueClient('front-proxy-client')) as TestCertificate
    const config = {
      clientCaPem: proxies?.certificatePem ?? '',
      allowedNames: [],
      usernameHeaders: [],
      uidHeaders: [],
      groupHeaders: [],
      extraHeaderPrefixes: [],
    }
    server = await startWebhookServer({
      app: new Hono().get('/', (c) => c.text('here')),
      port: 0,
      certificate,
      renew: async () => certificate,
      requestHeader: { current: () => config, onChange: () => () => undefined },
      logger: createLogger({ name: 'injector', level: 'error' }, { write: () => undefined }),
    })
  })
  afterEach(() => server.close())

  test('keeps the connections of the API server when strangers come', async () => {
    const pair = { cert: frontProxy.certificatePem, key: frontProxy.privateKeyPem }
    // Of the same address as the strangers.
    const known = Array.from({ length: STRANGERS.perAddress / 2 }, () =>
      stranger(server.port, pair),
    )
    await Promise.all(known.map(ask))
    const most = STRANGERS_TO_FRONT_PROXY.familiar?.perAddress ?? 0
    for (let count = 0; count < most + 50; count += 1) stranger(server.port)
    await untilOpen(most + known.length)
    expect(await ask(known[0] as TLSSocket)).toContain('200 OK')
    expect(known.filter(({ destroyed }) => destroyed)).toEqual([])
  })

  test('takes a burst of the API server, whose first connections come at the same time', async () => {
    const pair = { cert: frontProxy.certificatePem, key: frontProxy.privateKeyPem }
    const burst = Array.from({ length: 100 }, () => stranger(server.port, pair))
    await Promise.all(burst.map(ask))
    expect(burst.filter(({ destroyed }) => destroyed)).toEqual([])
  })
})
