import { connect } from 'node:tls'
import { Server } from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../platform/certificate-authority.ts'
import { createLogger } from '../platform/logger.ts'
import { keepServingCertificate, toGrpcCredentials } from './serving-certificate.ts'

const DAY_MS = 24 * 60 * 60 * 1_000
const logger = createLogger({ name: 'x', level: 'error' }, { write: () => undefined })
let authority: CertificateAuthority

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  authority = await createCertificateAuthority({ commonName: 'x', validForMs: 30 * DAY_MS })
})
afterEach(() => vi.useRealTimers())

/** Serial number of the certificate that a new connection is shown, verified by the authority. */
function serialAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const ca = authority.certificatePem
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

test('keepServingCertificate() renews well before the end, and tells who listens', async () => {
  const serving = await keepServingCertificate(authority, logger)
  const first = serving.current()
  const told: string[] = []
  const stopListening = serving.onChange(({ certificatePem }) => told.push(certificatePem))
  vi.advanceTimersByTime(DAY_MS * 0.3)
  expect(told).toEqual([])
  vi.advanceTimersByTime(DAY_MS * 0.1)
  await vi.waitFor(() => expect(told).toHaveLength(1))
  expect(serving.current().certificatePem).toBe(told[0])
  expect(told[0]).not.toBe(first.certificatePem)
  stopListening()
  serving.stop()
  vi.advanceTimersByTime(DAY_MS)
  expect(told).toHaveLength(1)
})

test('toGrpcCredentials() shows new connections the new certificate, without a restart', async () => {
  const serving = await keepServingCertificate(authority, logger)
  const server = new Server()
  const credentials = toGrpcCredentials(serving, authority.certificatePem)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const before = await serialAt(port)
  vi.advanceTimersByTime(DAY_MS * 0.4)
  await vi.waitFor(async () => expect(await serialAt(port)).not.toBe(before))
  serving.stop()
  server.forceShutdown()
})
