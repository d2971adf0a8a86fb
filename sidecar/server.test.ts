import { X509Certificate } from 'node:crypto'
import { Agent, request } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { createLogger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { createCallers } from './callers.ts'
import type { SidecarDeps } from './deps.ts'
import { createPodAuthority, issueServerCertificate } from './pod/pod-authority.ts'
import { startServer } from './server.ts'
import { createSidecarMetrics } from './sidecar-metrics.ts'

const HOUR_MS = 3_600_000
const authority = createPodAuthority(HOUR_MS)
const ca = authority.certificatePem
const issue = () =>
  issueServerCertificate(
    authority,
    { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] },
    HOUR_MS,
  )

/** Nobody is known, so every request is 401 and nothing else is needed. */
const deps = {
  callers: createCallers(new Map()),
  metrics: createSidecarMetrics(createMetrics('test', '0')),
  logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
  openRequestsMax: 8,
  memory: { isTight: () => false },
} as unknown as SidecarDeps

async function serialOf(port: number): Promise<string | undefined> {
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const opened = connect({ port, host: '127.0.0.1', ca }, () => resolve(opened))
    opened.on('error', reject)
  })
  const serial = socket.getPeerX509Certificate()?.serialNumber
  socket.destroy()
  return serial
}

function get(port: number, agent: Agent): Promise<{ httpStatus: number; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', agent }, (response) => {
      response.resume().on('end', () => {
        resolve({ httpStatus: response.statusCode ?? 0, reused: outgoing.reusedSocket })
      })
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

test('startServer() serves a renewed certificate to new connections and keeps the old ones', async () => {
  const [first, second] = [issue(), issue()]
  const server = await startServer(deps, { ...first, port: 0, ipv6: false })
  const agent = new Agent({ keepAlive: true, ca })
  expect(await get(server.port, agent)).toEqual({ httpStatus: 401, reused: false })
  expect(await serialOf(server.port)).toBe(new X509Certificate(first.certificatePem).serialNumber)
  server.setCertificate(second)
  expect(await serialOf(server.port)).toBe(new X509Certificate(second.certificatePem).serialNumber)
  expect(await get(server.port, agent)).toEqual({ httpStatus: 401, reused: true })
  agent.destroy()
  await server.close(1_000)
})
