import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, type RequestOptions, request } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { createChainRegistry } from '../../control-plane/chains/chain-registry.ts'
import { createPodVisits } from '../../control-plane/chains/pod-visits.ts'
import { createAdmissionService } from '../../control-plane/services/admission-service.ts'
import { openStore } from '../../control-plane/store/open-store.ts'
import type { Store } from '../../control-plane/store/store.ts'
import { Fault } from '../../core/fault.ts'
import { serviceAccountUser } from '../../core/kubernetes/user-info.ts'
import { ADMISSION_ROOT } from '../../core/names.ts'
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../platform/certificate-authority.ts'
import { createLogger } from '../../platform/logger.ts'
import { AdmissionService } from '../../proto/gen/lanyard/v1/admission_pb.ts'
import { grpcService } from '../../proto/grpc-service.ts'
import { type FakeApiServer, startFakeApiServer } from './fake-api-server.ts'
import { SIDECAR } from './pod-builders.ts'
import { createTestAuthority } from './test-certificates.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const HOUR_MS = 3_600_000

export const MUTATE = `${ADMISSION_ROOT}/mutate`
export const VALIDATE = `${ADMISSION_ROOT}/validate`

export interface Answer {
  readonly status: number
  readonly text: string
}

/** The injector as a process, with the admission service and the store of the real control plane. */
export interface InjectorFixture {
  readonly api: FakeApiServer
  /** What the control plane has on record. */
  readonly store: Store
  readonly process: ChildProcess
  readonly authorityPem: string
  /** What a client shows and trusts that is kube-apiserver's front proxy. */
  readonly frontProxy: { readonly ca: string; readonly cert: string; readonly key: string }
  /** Where the webhooks are served. */
  readonly webhooks: { readonly host: string; readonly port: number }
  /** Everything that the process logged. */
  log(): string
  /** The control plane has made its authority, which the injector waits for. */
  publishAuthority(): void
  /** Somebody put another authority in its place. */
  replaceAuthority(): Promise<void>
  /** What the API server answers under these paths, such as the LimitRanges of a namespace. */
  readonly objects: Map<string, object>
  /** Sends a body to a webhook over TLS, as kube-apiserver does. */
  post(path: string, body: string, options?: RequestOptions): Promise<Answer>
  /** Sends an AdmissionReview; the answer's `response`. */
  review(path: string, request: object): Promise<Record<string, unknown>>
  health(path: string): Promise<Answer>
  /** kubelet writes another authority of the API server into the service account's folder. */
  setApiCa(pem: string): void
  /** What the injector proves itself by from now on. */
  setToken(token: string): void
  stopControlPlane(): void
  startControlPlane(): Promise<void>
  /** The control plane takes questions and never answers. */
  silenceControlPlane(): Promise<void>
  close(): Promise<void>
}

export const INJECTOR_TOKEN = 'token-of-the-injector'

/**
 * Starts the injector as a process would, with a control plane of its own; `settings` go to its
 * environment. `frontProxyCaPem` is the authority of a real kube-apiserver that may call as well.
 */
export async function startInjectorFixture(
  settings: Readonly<Record<string, string>> = {},
  frontProxyCaPem = '',
): Promise<InjectorFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-injector-'))
  const file = (name: string, content: string) => writeFileSync(join(folder, name), content)
  const authority = await createCertificateAuthority({ commonName: 'lanyard', validForMs: HOUR_MS })
  const store = await openStore(join(folder, 'lanyard.db'))
  const controlPlane = await startControlPlane(store, authority)
  const api = await startFakeApiServer()
  const frontProxyAuthority = await createTestAuthority('front-proxy-ca-of-the-fixture')
  const proxy = await frontProxyAuthority.issueClient('front-proxy-client')
  const clientCa = `${frontProxyAuthority.certificatePem}\n${frontProxyCaPem}`
  const objects = new Map<string, object>()
  let published: CertificateAuthority | undefined
  api.onRequest((incoming, outgoing) => {
    const ca = published === undefined ? undefined : publishedAuthority(published)
    const asked = incoming.url?.endsWith('/extension-apiserver-authentication') ?? false
    const own = asked ? extensionAuthentication(clientCa) : ca
    const object = objects.get(incoming.url ?? '') ?? own
    outgoing.writeHead(object === undefined ? 404 : 200, { 'content-type': 'application/json' })
    outgoing.end(JSON.stringify(object ?? { kind: 'Status' }))
  })
  const claims = Buffer.from(JSON.stringify({ aud: ['https://oidc.example/id/1'] }))
  file('token', `header.${claims.toString('base64url')}.signature`)
  file('ca.crt', api.caPem)
  file('control-plane-token', INJECTOR_TOKEN)

  const ports = { webhooks: await freePort(), health: await freePort() }
  const apiUrl = new URL(api.url)
  const child = spawn(process.execPath, [join(ROOT, 'injector', 'main.ts')], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      KUBERNETES_SERVICE_HOST: apiUrl.hostname,
      KUBERNETES_SERVICE_PORT: apiUrl.port,
      LANYARD_SERVICE_ACCOUNT_FOLDER: folder,
      LANYARD_CONTROL_PLANE_TOKEN_FILE: join(folder, 'control-plane-token'),
      LANYARD_CONTROL_PLANE_ADDRESS: `localhost:${controlPlane.port}`,
      LANYARD_LISTEN_PORT_NUMBER: String(ports.webhooks),
      LANYARD_HEALTH_PORT_NUMBER: String(ports.health),
      LANYARD_SIDECAR_IMAGE: SIDECAR.image,
      LANYARD_LOG_LEVEL: 'debug',
      LANYARD_DRAIN_WAIT_MS: '0',
      ...settings,
    },
  })
  let lines = ''
  child.stdout.on('data', (chunk: Buffer) => {
    lines += chunk.toString()
  })
  const frontProxy = {
    ca: authority.certificatePem,
    cert: proxy.certificatePem,
    key: proxy.privateKeyPem,
  }
  const agent = new Agent({ keepAlive: true, ...frontProxy })

  async function post(path: string, body: string, options: RequestOptions = {}): Promise<Answer> {
    const target = { host: 'localhost', port: ports.webhooks, path, method: 'POST', agent }
    const headers = { 'x-remote-user': 'system:apiserver', ...options.headers }
    const sent = request({ ...target, ...options, headers })
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [
      AsyncIterable<Buffer> & { statusCode: number },
    ]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    return { status: response.statusCode, text: Buffer.concat(chunks).toString() }
  }

  return {
    api,
    store,
    process: child,
    authorityPem: authority.certificatePem,
    frontProxy,
    webhooks: { host: 'localhost', port: ports.webhooks },
    log: () => lines,
    objects,
    publishAuthority: () => {
      published = authority
    },
    async replaceAuthority() {
      published = await createCertificateAuthority({ commonName: 'lanyard', validForMs: HOUR_MS })
    },
    post,
    async review(path, admission) {
      const body = {
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        request: admission,
      }
      const { text } = await post(path, JSON.stringify(body))
      return (JSON.parse(text) as { response: Record<string, unknown> }).response
    },
    async health(path) {
      const response = await fetch(`http://127.0.0.1:${ports.health}${path}`)
      return { status: response.status, text: await response.text() }
    },
    setToken: (token) => file('control-plane-token', token),
    setApiCa: (pem) => file('ca.crt', pem),
    stopControlPlane: controlPlane.stop,
    startControlPlane: controlPlane.start,
    silenceControlPlane: controlPlane.silence,
    async close() {
      agent.destroy()
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      controlPlane.stop()
      await api.close()
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function publishedAuthority({ certificatePem }: CertificateAuthority): object {
  return { kind: 'ConfigMap', data: { 'ca.crt': certificatePem } }
}

/** As kube-apiserver publishes it. */
function extensionAuthentication(clientCaPem: string): object {
  const data = {
    'requestheader-client-ca-file': clientCaPem,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-username-headers': '["X-Remote-User"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  }
  return { kind: 'ConfigMap', data }
}

interface ControlPlane {
  readonly port: number
  stop(): void
  start(): Promise<void>
  silence(): Promise<void>
}

/** The admission service as the control plane runs it; only tokens are not reviewed by a cluster. */
async function startControlPlane(
  store: Store,
  authority: Awaited<ReturnType<typeof createCertificateAuthority>>,
): Promise<ControlPlane> {
  const { certificatePem, privateKeyPem } = await authority.issueServerCertificate({
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    validForMs: HOUR_MS,
  })
  const credentials = ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(certificatePem), private_key: Buffer.from(privateKeyPem) },
  ])
  const handlers = createAdmissionService({
    registry: createChainRegistry({ ...store, now: Date.now }),
    bindings: store.bindings,
    facts: {
      policiesFor: () => ({ policies: [], invalid: [] }),
      ...{ isObserved: () => false, problem: () => undefined },
    },
    authority,
    visits: createPodVisits({
      bindings: store.bindings,
      readPodUid: async () => undefined,
      visitorsJoin: false,
      onGrown: () => undefined,
      logger: createLogger({ name: 'control-plane', level: 'error' }),
      now: Date.now,
    }),
    reviewToken: async (token) => {
      if (token === INJECTOR_TOKEN) return serviceAccountUser('lanyard-system', 'lanyard-injector')
      throw new Fault('identity_unverified', 'The token is not valid')
    },
    logger: createLogger({ name: 'control-plane', level: 'error' }),
    // A token is reviewed at each call.
    now: () => Number.POSITIVE_INFINITY,
  })
  let server = new Server()
  async function start(on: number, services: object): Promise<number> {
    server = new Server()
    server.addService(grpcService(AdmissionService), services as UntypedServiceImplementation)
    return new Promise((settle, reject) => {
      server.bindAsync(`127.0.0.1:${on}`, credentials, (error, port) => {
        if (error === null) settle(port)
        else reject(error)
      })
    })
  }
  const port = await start(0, handlers)
  const silent = Object.fromEntries(Object.keys(handlers).map((name) => [name, () => undefined]))
  return {
    port,
    stop: () => server.forceShutdown(),
    start: async () => void (await start(port, handlers)),
    silence: async () => {
      server.forceShutdown()
      await start(port, silent)
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
