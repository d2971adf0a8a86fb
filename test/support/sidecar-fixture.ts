import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { loadConfig } from '../../platform/config.ts'
import { createLogger } from '../../platform/logger.ts'
import { sidecarConfig } from '../../sidecar/config.ts'
import { type RunningSidecar, startSidecar } from '../../sidecar/start-sidecar.ts'
import { type FakeApiServer, startFakeApiServer } from './fake-api-server.ts'
import { type FakeControlPlane, startFakeControlPlane } from './fake-control-plane.ts'

export interface CallOptions {
  readonly method?: string
  /** Names and values in turn; the container's token is added unless `token` is given. */
  readonly headers?: readonly string[]
  readonly token?: string
  readonly body?: string | Buffer
}

export interface CallAnswer {
  readonly httpStatus: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly text: string
}

/** A running sidecar between a fake API server and a fake control plane, on real sockets. */
export interface SidecarFixture {
  readonly api: FakeApiServer
  readonly controlPlane: FakeControlPlane
  readonly directory: string
  /** What the sidecar wrote to its log so far. */
  readonly logLines: string[]
  sidecar: RunningSidecar
  /** The token that container `app` finds. */
  readonly token: string
  readonly caPem: string
  call(target: string, options?: CallOptions): Promise<CallAnswer>
  /** A TLS connection to the sidecar for bytes of the test's own. */
  connect(host?: string): Promise<TLSSocket>
  metrics(): Promise<string>
  health(path: string): Promise<{ httpStatus: number; text: string }>
  restart(): Promise<void>
  writeFile(name: 'api-token' | 'api-ca' | 'control-plane-token', text: string): Promise<void>
  close(): Promise<void>
}

export const REAL_TOKEN = 'real-token-of-the-pod'

/**
 * Starts all three; `env` adds to the sidecar's environment (LANYARD_…). With a `lane` the control plane takes ids that
 * the sidecar makes. `offers`: what the API server speaks besides.
 */
export async function startSidecarFixture(
  env: Readonly<Record<string, string>> = {},
  lane = '',
  offers: { readonly http2?: boolean } = {},
): Promise<SidecarFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'lanyard-sidecar-'))
  const api = await startFakeApiServer(offers)
  const controlPlane = await startFakeControlPlane(lane)
  const file = (name: string) => join(directory, name)
  await writeFile(file('api-token'), REAL_TOKEN)
  await writeFile(file('api-ca'), api.caPem)
  await writeFile(file('control-plane-token'), 'pod-bound-token')
  const logLines: string[] = []
  const config = loadConfig(sidecarConfig, {
    prefix: 'LANYARD',
    args: [],
    readFile: () => '{}',
    env: {
      LANYARD_CONTROL_PLANE_ADDRESS: controlPlane.address,
      LANYARD_CONTROL_PLANE_CA: controlPlane.caPem,
      LANYARD_CONTAINERS: 'setup,app',
      LANYARD_POD_NAMESPACE: 'team',
      LANYARD_UPSTREAM_URL: api.url,
      LANYARD_API_TOKEN_FILE: file('api-token'),
      LANYARD_API_CA_FILE: file('api-ca'),
      LANYARD_CONTROL_PLANE_TOKEN_FILE: file('control-plane-token'),
      LANYARD_STATE_DIRECTORY: file('state'),
      LANYARD_LISTEN_PORT_NUMBER: '0',
      LANYARD_HEALTH_PORT_NUMBER: '0',
      LANYARD_HEALTH_HOST: '127.0.0.1',
      LANYARD_FILE_CHECK_MS: '50',
      LANYARD_LOG_LEVEL: 'debug',
      LANYARD_DRAIN_MS: '2000',
      ...env,
    },
  })
  const logger = createLogger(
    { name: 'sidecar', level: config.logLevel },
    { write: (line) => void logLines.push(line) },
  )
  const start = () => startSidecar(config, {}, logger)
  const sidecar = await start()
  const folder = join(directory, 'state', 'containers', 'app')
  const token = await readFile(join(folder, 'token'), 'utf8')
  const caPem = await readFile(join(folder, 'ca.crt'), 'utf8')

  const fixture: SidecarFixture = {
    api,
    controlPlane,
    directory,
    logLines,
    sidecar,
    token,
    caPem,
    call: (target, options = {}) => call(fixture, target, options),
    connect: (host = '127.0.0.1') => connectTo(fixture.sidecar.port, host, caPem),
    metrics: async () => (await getPlain(fixture.sidecar.healthPort, '/metrics')).text,
    health: (path) => getPlain(fixture.sidecar.healthPort, path),
    restart: async () => {
      await stop(fixture.sidecar)
      fixture.sidecar = await start()
    },
    writeFile: (name, text) => writeFile(file(name), text),
    close: async () => {
      await api.close()
      await stop(fixture.sidecar)
      await controlPlane.close()
      await rm(directory, { recursive: true })
    },
  }
  return fixture
}

async function stop({ closers }: RunningSidecar): Promise<void> {
  for (const closer of closers) await closer.close()
}

function call(
  { sidecar, caPem, token: own }: SidecarFixture,
  target: string,
  { method = 'GET', headers = [], token = own, body }: CallOptions,
): Promise<CallAnswer> {
  const length = body === undefined ? [] : ['content-length', `${Buffer.byteLength(body)}`]
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: sidecar.port,
      path: target,
      method,
      ca: caPem,
      agent: false,
      headers: [
        ...['host', 'kubernetes.default.svc', 'authorization', `Bearer ${token}`],
        ...length,
        ...headers,
      ],
    })
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        resolve({
          httpStatus: response.statusCode ?? 0,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          body: bytes,
          text: bytes.toString('utf8'),
        })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function connectTo(port: number, host: string, ca: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options = { port, host, ca, allowHalfOpen: true }
    const socket = connect(options, () => resolve(socket))
    socket.on('error', reject)
  })
}

async function getPlain(port: number, path: string): Promise<{ httpStatus: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { httpStatus: response.status, text: await response.text() }
}

/** Everything that arrives until the other side ends. */
export function readAll(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
    socket.on('end', () => socket.end())
  })
}

/** Waits until `probe` holds; fails with `what` after `ms`. */
export async function eventually(what: string, probe: () => boolean, ms = 5_000): Promise<void> {
  const deadlineMs = Date.now() + ms
  while (!probe()) {
    if (Date.now() > deadlineMs) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
  }
}
