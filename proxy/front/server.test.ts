import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { type AddressInfo, createServer as createListener } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createCallers } from '../../sidecar/callers.ts'
import { createPodAuthority, issueServerCertificate } from '../../sidecar/pod/pod-authority.ts'
import { createSidecarMetrics } from '../../sidecar/sidecar-metrics.ts'
import { freePort } from '../../test/support/bare-apiserver.ts'
import type { ProxyDeps } from '../deps.ts'
import { startServer } from './server.ts'

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
  memoryLimitBytes: 0,
  memory: { isTight: () => false, whenRoomy: (go: () => void) => go(), setOpen: () => undefined },
} as unknown as ProxyDeps

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
  const server = await startServer(deps, {
    ...first,
    port: 0,
    ipv6: false,
    serviceNameAddress: '',
  })
  const agent = new Agent({ keepAlive: true, ca })
  expect(await get(server.port, agent)).toEqual({ httpStatus: 401, reused: false })
  expect(await serialOf(server.port)).toBe(new X509Certificate(first.certificatePem).serialNumber)
  server.setCertificate(second)
  expect(await serialOf(server.port)).toBe(new X509Certificate(second.certificatePem).serialNumber)
  expect(await get(server.port, agent)).toEqual({ httpStatus: 401, reused: true })
  agent.destroy()
  await server.close(1_000)
})

/** The names of the certificate are what a client checks that was led there by name. */
function getByName(port: number): Promise<number> {
  const where = { port, host: '127.100.0.1', servername: 'localhost', ca, agent: false } as const
  return new Promise((resolve, reject) => {
    const outgoing = request(where, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

describe('startServer() with an address for the name of the API server', () => {
  test('serves there what it serves on loopback, until it is closed', async () => {
    const port = await freePort()
    const serviceNameAddress = `127.100.0.1:${port}`
    const server = await startServer(deps, { ...issue(), port: 0, ipv6: false, serviceNameAddress })
    expect(await getByName(port)).toBe(401)
    await server.close(1_000)
    await expect(getByName(port)).rejects.toThrow('ECONNREFUSED')
  })

  test('goes on without when somebody listens there', async () => {
    const taken = createListener().listen(0, '127.100.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const said: string[] = []
    const logger = createLogger(
      { name: 'test', level: 'warn' },
      { write: (line) => said.push(line) },
    )
    const serviceNameAddress = `127.100.0.1:${port}`
    const server = await startServer(
      { ...deps, logger },
      { ...issue(), port: 0, ipv6: false, serviceNameAddress },
    )
    const agent = new Agent({ ca })
    expect(await get(server.port, agent)).toMatchObject({ httpStatus: 401 })
    expect(said.join('')).toMatch(/EADDRINUSE[\s\S]*get no connection/)
    agent.destroy()
    await server.close(1_000)
    taken.close()
  })
})
