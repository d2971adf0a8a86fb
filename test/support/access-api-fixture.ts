import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Download } from '../../api/client/kubernetes-client.ts'
import {
  type AccessApiDeps,
  type AccessApiServer,
  createAccessApiServer,
} from '../../control-plane/access-api/access-api-server.ts'
import { AuditStoreResource } from '../../control-plane/access-api/audit-store.ts'
import { KeptRecordings } from '../../control-plane/access-api/kept-recordings.ts'
import { NotificationLog } from '../../control-plane/notifications/notification-log.ts'
import type { AuditEventStore, NewAuditEvent } from '../../control-plane/store/audit-event-store.ts'
import { openStore } from '../../control-plane/store/open-store.ts'
import type { PodBindingStore } from '../../control-plane/store/pod-binding-store.ts'
import type { Store } from '../../control-plane/store/store.ts'
import { createLogger } from '../../platform/logger.ts'
import {
  parseRequestHeaderConfig,
  type RequestHeaderConfig,
  type RequestHeaderSource,
} from '../../platform/request-header-config.ts'
import { approvalsOf } from './access-request-parts.ts'
import {
  createMemoryAuditEventStore,
  createMemoryPodBindingStore,
  NO_STORY,
} from './memory-stores.ts'
import { noStore } from './no-store.ts'
import { NOON_MS } from './record-builders.ts'
import {
  createTestAuthority,
  type TestAuthority,
  type TestCertificate,
} from './test-certificates.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
}

export interface AccessApiFixture {
  readonly port: number
  readonly server: AccessApiServer
  readonly auditEvents: AuditEventStore
  readonly podBindings: PodBindingStore
  readonly serving: TestAuthority
  readonly frontProxyAuthority: TestAuthority
  readonly frontProxy: TestCertificate
  readonly clock: { now(): number; set(nowMs: number): void }
  setRequestHeader(config: RequestHeaderConfig | undefined): void
  /** As kube-apiserver forwards it for `user`; other options win. */
  get(path: string, user?: string, options?: RequestOptions): Promise<Answer>
  /** The body of an answer to alice, as it comes. */
  download(path: string): Promise<Download>
  /** The lines of a watch as they come; `close` hangs up. */
  watch(path: string, user?: string, options?: RequestOptions): Promise<WatchLines>
  close(): Promise<void>
}

interface WatchLines {
  readonly status: number
  readonly incoming: IncomingMessage
  /** Reads until `count` more lines have come. */
  take(count: number): Promise<readonly WatchLine[]>
  /** Reads until the server ends the watch. */
  rest(): Promise<readonly WatchLine[]>
  close(): void
}

export interface WatchLine {
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the tests look at
  readonly object: any
}

export interface Stores {
  /** Absent for stores in memory. */
  readonly store?: Store
  readonly databaseFile?: string
  readonly auditEvents: AuditEventStore
  readonly podBindings: PodBindingStore
}

/** Stores without a database, empty. */
export function memoryStores(): Stores {
  return {
    auditEvents: createMemoryAuditEventStore(),
    podBindings: createMemoryPodBindingStore(),
  }
}

/**
 * The stores of the product on a file of their own; `close` removes it. A decision can only be
 * recorded for a pod that is bound, so its caller is bound before it.
 */
export async function sqliteStores(): Promise<Stores & { close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-access-api-'))
  const databaseFile = join(folder, 'lanyard.db')
  const store = await openStore(databaseFile)
  const bound = new Map<string, Promise<unknown>>()

  async function append(event: NewAuditEvent): Promise<void> {
    const { podUid } = event.caller
    const boundAtMs = event.decidedAtMs
    const age = { beganAtMs: boundAtMs, renewedAtMs: boundAtMs }
    const binding = { podUid, chain: event.chain, boundAtMs, ...age }
    const recorded = bound.get(podUid) ?? store.bindings.record(binding)
    bound.set(podUid, recorded)
    await recorded
    await store.auditEvents.append(event)
  }

  return {
    auditEvents: { ...store.auditEvents, append },
    podBindings: store.bindings,
    ...{ store, databaseFile },
    async close() {
      await store.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Data of ConfigMap kube-system/extension-apiserver-authentication, as kubeadm writes it. */
export function authenticationData(clientCaPem: string): Record<string, string> {
  return {
    'requestheader-client-ca-file': clientCaPem,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-username-headers': '["X-Remote-User"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  }
}

const COMPARED = { objects: 12, unseen: 0, unknown: 0, comparedAtMs: NOON_MS - 7_200_000 }
const ROOMY = { checkImport: async () => undefined, checkGoOn: () => undefined }
const KEPT = { daysMax: 365, bytesMax: 0, freeBytesMin: 0 }

/** The server on a socket, its stores empty, the clock at noon; alice and the aggregator may do everything. */
export async function startAccessApi(
  overrides: Partial<AccessApiDeps> = {},
  stores: Stores = memoryStores(),
): Promise<AccessApiFixture> {
  const serving = await createTestAuthority('serving')
  const frontProxyAuthority = await createTestAuthority('front-proxy-ca')
  const frontProxy = await frontProxyAuthority.issueClient('front-proxy-client')
  const { auditEvents, podBindings } = stores
  const requestHeader = createSettableSource(
    parseRequestHeaderConfig(authenticationData(frontProxyAuthority.certificatePem)),
  )
  let nowMs = NOON_MS + 60_000
  const clock = {
    now: () => nowMs,
    set(next: number) {
      nowMs = next
    },
  }
  const kept = stores.store ?? (await openStore(':memory:'))
  const { recordings } = kept
  const server = createAccessApiServer({
    recordings,
    live: { cut: () => false },
    room: ROOMY,
    approvals: approvalsOf(kept, () => nowMs),
    notifications: new NotificationLog(NOON_MS),
    ...{ auditEvents, podBindings },
    chainStory: NO_STORY,
    auditStore: new AuditStoreResource({
      ...{ store: stores.store ?? noStore(auditEvents), limits: KEPT, clock },
      logger: createLogger({ name: 'test', level: 'error' }),
      comparedEdits: () => COMPARED,
      recordings: new KeptRecordings(recordings, { bytesMax: 0, freeBytesMin: 0 }, () => nowMs),
      databaseFile: stores.databaseFile ?? '/nowhere/lanyard.db',
      readSpace: () => ({ bytes: 10_737_418_240, freeBytes: 9_663_676_416 }),
    }),
    certificate: await serving.issueServer(),
    requestHeader,
    authorize: async ({ username }) => username === 'alice',
    logger: createLogger({ name: 'test', level: 'error' }),
    clock,
    version: '0.1.0',
    watchTimes: { bookmarkMs: 60_000, pauseMs: 1, stallMs: 60_000 },
    ...overrides,
  })
  const port = await server.listen(0, '127.0.0.1')
  const client = (user: string): RequestOptions => ({
    host: '127.0.0.1',
    port,
    agent: false,
    ca: serving.certificatePem,
    cert: frontProxy.certificatePem,
    key: frontProxy.privateKeyPem,
    headers: { 'x-remote-user': user },
  })
  return {
    port,
    server,
    auditEvents,
    podBindings,
    serving,
    frontProxyAuthority,
    frontProxy,
    clock,
    setRequestHeader: requestHeader.set,
    get: async (path, user = 'alice', options = {}) =>
      readAnswer(await send({ ...client(user), ...options, path })),
    async download(path) {
      const incoming = await send({ ...client('alice'), path })
      return { headers: incoming.headers, chunks: incoming as AsyncIterable<Buffer> }
    },
    watch: async (path, user = 'alice', options = {}) =>
      readLines(await send({ ...client(user), ...options, path })),
    close: () => server.close(),
  }
}

function createSettableSource(
  initial: RequestHeaderConfig | undefined,
): RequestHeaderSource & { set(config: RequestHeaderConfig | undefined): void } {
  const listeners = new Set<() => void>()
  let config = initial
  return {
    current: () => config,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    set(next) {
      config = next
      for (const listener of listeners) listener()
    },
  }
}

async function send(options: RequestOptions): Promise<IncomingMessage> {
  const outgoing = request(options)
  outgoing.end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  return incoming
}

async function readAnswer(incoming: IncomingMessage): Promise<Answer> {
  let text = ''
  for await (const chunk of incoming.setEncoding('utf8')) text += chunk
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    text,
    json: parseJson(text),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readLines(incoming: IncomingMessage): WatchLines {
  const lines = splitLines(incoming)
  const read = async (count: number) => {
    const taken: WatchLine[] = []
    while (taken.length < count) {
      const { value, done } = await lines.next()
      if (done === true) break
      taken.push(JSON.parse(value) as WatchLine)
    }
    return taken
  }
  return {
    status: incoming.statusCode ?? 0,
    incoming,
    take: read,
    rest: () => read(Infinity),
    close: () => incoming.destroy(),
  }
}

async function* splitLines(incoming: IncomingMessage): AsyncGenerator<string, undefined> {
  let rest = ''
  for await (const chunk of incoming.setEncoding('utf8')) {
    const parts = `${rest}${chunk}`.split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
  return undefined
}
