import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { Hono } from 'hono'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { certifyInjector } from '../../../control-plane/services/admission-service.ts'
import { requestCertificate } from '../../../injector/front/serving-certificate.ts'
import { startWebhookServer, type WebhookServer } from '../../../injector/front/webhook-server.ts'
import {
  type CertificateAuthority,
  createCertificateAuthority,
  createServerKey,
} from '../../../platform/certificate-authority.ts'
import { createLogger } from '../../../platform/logger.ts'

/* The serving certificate over the life of a process. */

const HOUR_MS = 3_600_000
const lines: string[] = []
let authority: CertificateAuthority
let server: WebhookServer

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  lines.length = 0
  authority = await createCertificateAuthority({
    commonName: 'lanyard',
    validForMs: 1_000 * HOUR_MS,
  })
})
afterEach(async () => {
  await server.close()
  vi.useRealTimers()
})

/** As the control plane issues it. */
const issueCertificate = (publicKey: Uint8Array) => certifyInjector(authority, publicKey)

async function serve(
  renew = () => requestCertificate({ issueCertificate }),
  first = requestCertificate({ issueCertificate }),
): Promise<void> {
  const logger = createLogger(
    { name: 'injector', level: 'info' },
    { write: (line) => void lines.push(line) },
  )
  const app = new Hono().get('/', (c) => c.text('here'))
  const requestHeader = { current: () => undefined, onChange: () => () => undefined }
  const certificate = await first
  server = await startWebhookServer({ app, port: 0, certificate, renew, requestHeader, logger })
}

async function handshake(servername = 'lanyard-injector.lanyard-system.svc'): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port: server.port,
    servername,
    ca: authority.certificatePem,
  })
  await once(socket, 'secureConnect')
  return socket
}

async function serialNumber(): Promise<string> {
  const socket = await handshake()
  const { serialNumber: serial } = socket.getPeerCertificate()
  socket.destroy()
  return serial
}

test.each([
  'lanyard-injector.lanyard-system.svc',
  'lanyard-injector.lanyard-system.svc.cluster.local',
  'localhost',
])('the certificate is for %s', async (name) => {
  await serve()
  const socket = await handshake(name)
  expect(socket.authorized).toBe(true)
  socket.destroy()
})

test('the certificate is for nobody else', async () => {
  await serve()
  await expect(handshake('lanyard-control-plane.lanyard-system.svc')).rejects.toThrow(/altnames/)
})

test('the certificate is exchanged before it ends, on the same port', async () => {
  await serve()
  const first = await serialNumber()
  vi.advanceTimersByTime(7 * HOUR_MS)
  expect(await serialNumber()).toBe(first)
  vi.advanceTimersByTime(2 * HOUR_MS)
  await vi.waitFor(async () => expect(await serialNumber()).not.toBe(first))
})

test('a connection outlives the exchange', async () => {
  await serve()
  const first = await serialNumber()
  const socket = await handshake()
  vi.advanceTimersByTime(9 * HOUR_MS)
  await vi.waitFor(async () => expect(await serialNumber()).not.toBe(first))
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /)
  socket.destroy()
})

test('a certificate that is not given is reported and asked for again long before the old one ends', async () => {
  let broken = false
  await serve(() =>
    broken
      ? Promise.reject(new Error('no control plane'))
      : requestCertificate({ issueCertificate }),
  )
  const first = await serialNumber()
  broken = true
  vi.advanceTimersByTime(9 * HOUR_MS)
  await vi.waitFor(() => expect(lines.join('')).toContain('Cannot renew the certificate'))
  expect(await serialNumber()).toBe(first)
  broken = false
  await vi.waitFor(async () => {
    vi.advanceTimersByTime(61_000)
    expect(await serialNumber()).not.toBe(first)
  })
})

test('requestCertificate() takes no certificate of another key', async () => {
  await serve()
  const other = await createServerKey()
  const issue = () => certifyInjector(authority, other.publicKey)
  await expect(requestCertificate({ issueCertificate: issue })).rejects.toThrow(
    /key values mismatch/,
  )
})

test.each([
  ['nothing', new Uint8Array()],
  ['no key', new Uint8Array([1, 2, 3])],
  [
    'a key of another kind',
    new Uint8Array(
      generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }),
    ),
  ],
  [
    'a key of another curve',
    new Uint8Array(
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({
        type: 'spki',
        format: 'der',
      }),
    ),
  ],
])('certifyInjector() certifies %s not at all', async (_name, publicKey) => {
  await serve()
  await expect(certifyInjector(authority, publicKey)).rejects.toMatchObject({
    code: 'request_invalid',
  })
})
