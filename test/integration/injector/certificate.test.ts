import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { Hono } from 'hono'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startWebhookServer, type WebhookServer } from '../../../injector/webhook-server.ts'
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../../platform/certificate-authority.ts'
import { createLogger } from '../../../platform/logger.ts'

/* The serving certificate over the life of a process. */

const HOUR_MS = 3_600_000
const lines: string[] = []
let authority: CertificateAuthority
let server: WebhookServer

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
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

async function serve(from: CertificateAuthority): Promise<void> {
  const logger = createLogger(
    { name: 'injector', level: 'info' },
    { write: (line) => void lines.push(line) },
  )
  const app = new Hono().get('/', (c) => c.text('here'))
  const requestHeader = { current: () => undefined, onChange: () => () => undefined }
  server = await startWebhookServer({ app, port: 0, authority: from, requestHeader, logger })
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
  await serve(authority)
  const socket = await handshake(name)
  expect(socket.authorized).toBe(true)
  socket.destroy()
})

test('the certificate is for nobody else', async () => {
  await serve(authority)
  await expect(handshake('lanyard-control-plane.lanyard-system.svc')).rejects.toThrow(/altnames/)
})

test('the certificate is exchanged before it ends, on the same port', async () => {
  await serve(authority)
  const first = await serialNumber()
  vi.advanceTimersByTime(7 * HOUR_MS)
  expect(await serialNumber()).toBe(first)
  vi.advanceTimersByTime(2 * HOUR_MS)
  await vi.waitFor(async () => expect(await serialNumber()).not.toBe(first))
})

test('a connection outlives the exchange', async () => {
  await serve(authority)
  const first = await serialNumber()
  const socket = await handshake()
  vi.advanceTimersByTime(9 * HOUR_MS)
  await vi.waitFor(async () => expect(await serialNumber()).not.toBe(first))
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /)
  socket.destroy()
})

test('a certificate that cannot be made is reported and asked for again long before the old one ends', async () => {
  let broken = false
  await serve({
    ...authority,
    issueServerCertificate: (request) =>
      broken ? Promise.reject(new Error('no entropy')) : authority.issueServerCertificate(request),
  })
  const first = await serialNumber()
  broken = true
  vi.advanceTimersByTime(9 * HOUR_MS)
  await vi.waitFor(() => expect(lines.join('')).toContain('Cannot renew the certificate'))
  expect(await serialNumber()).toBe(first)
  broken = false
  vi.advanceTimersByTime(8 * HOUR_MS)
  await vi.waitFor(async () => expect(await serialNumber()).not.toBe(first))
})
