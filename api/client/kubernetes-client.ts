import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request as requestHttp } from 'node:http'
import { type RequestOptions, request as requestHttps } from 'node:https'
import { Fault } from '../../core/fault.ts'
import { connectionFault, responseFault } from './request-fault.ts'
import { sendPieces, Upload } from './upload.ts'

const JSON_TYPE = 'application/json'

export type Query = Readonly<Record<string, string | undefined>>

/**
 * The server of Lanyard's API sends a bookmark every 60 seconds: when nothing at all came for so
 * long, the connection is dead, although nobody has closed it.
 */
const WATCH_IDLE_MS = 150_000

/** Answers larger than this are no page that Lanyard or Kubernetes would send. */
const BODY_BYTES_MAX = 64 * 1024 * 1024

/** Before the first byte of a large file the server makes the file. */
const DOWNLOAD_IDLE_MS = 15 * 60_000
/** kube-apiserver gives a request a minute; the server writes what it got to its disk before it answers. */
const UPLOAD_IDLE_MS = 90_000

export interface DownloadOptions {
  readonly query?: Query
  /** Media type of the body; JSON by default. */
  readonly accept?: string
}

export interface Download {
  readonly headers: IncomingHttpHeaders
  readonly chunks: AsyncIterable<Buffer>
}

interface WatchEvent {
  readonly type: string
  readonly object: unknown
}

/** Requests to one cluster with the credentials of the kubeconfig. Every method throws a Fault. */
export interface KubernetesClient {
  readonly server: string
  /** Where requests go that name no namespace. */
  readonly namespace: string
  get<Body>(path: string, query?: Query): Promise<Body>
  post<Body>(path: string, body: unknown): Promise<Body>
  delete<Body>(path: string, query?: Query): Promise<Body>
  /** Sends a body as fast as the server takes it. When the server answers before it has all, the rest is not sent. */
  upload<Body>(
    path: string,
    query: Query,
    body: AsyncIterable<Uint8Array>,
    type: string,
  ): Promise<Body>
  /** The body as it comes, and its headers; a connection that falls silent for long is a Fault. */
  download(path: string, options?: DownloadOptions): Promise<Download>
  /** Yields events until the server ends the watch; a connection that falls silent is a Fault. */
  watch(path: string, query: Query): AsyncGenerator<WatchEvent, void>
}

/** A cluster and the credentials for it, wherever they come from: a kubeconfig, or a person's session. */
export interface ClusterAccess {
  /** `https://HOST:PORT`, with a path where there is one. */
  readonly server: string
  /** How the user calls the cluster and the credentials, for messages; empty when they have no name. */
  readonly context: string
  /** Where requests go that name no namespace. */
  readonly namespace: string
  /** Adds trust and credentials to the options of one request; a credential may be fetched for it. */
  addCredentials(options: RequestOptions): Promise<void>
}

export interface ConnectOptions {
  /** `--as` */
  readonly impersonate?: string
  /** `--as-group` */
  readonly impersonateGroups?: readonly string[]
  /** Between two pieces of an answer; 0 waits for ever. A watch has a longer one of its own. */
  readonly timeoutMs: number
  /** Longest silence of a watch; by default longer than two bookmarks are apart. */
  readonly watchIdleMs?: number
  readonly userAgent: string
  /** Is told of each request: how it ended, without its query. */
  readonly onRequest?: (line: string) => void
}

/** Prepares requests; nothing is sent yet. */
export function createKubernetesClient(
  access: ClusterAccess,
  options: ConnectOptions,
): KubernetesClient {
  const server = access.server.replace(/\/+$/, '')
  const place = { server, context: access.context }
  const send = createSender(access, options, place)

  async function readJson<Body>(incoming: IncomingMessage): Promise<Body> {
    const text = await readText(incoming, place)
    try {
      return JSON.parse(text) as Body
    } catch (error) {
      throw new Fault(
        'upstream_unavailable',
        `${server} answered with something that is not JSON`,
        {
          cause: error,
        },
      )
    }
  }

  return {
    server,
    namespace: access.namespace,
    async get(path, query = {}) {
      return readJson(await send('GET', path, query, undefined, options.timeoutMs))
    },
    async post(path, body) {
      return readJson(await send('POST', path, {}, body, options.timeoutMs))
    },
    async delete(path, query = {}) {
      return readJson(await send('DELETE', path, query, undefined, options.timeoutMs))
    },
    async upload(path, query, body, type) {
      return readJson(await send('POST', path, query, new Upload(body, type), UPLOAD_IDLE_MS))
    },
    async download(path, { query = {}, accept = JSON_TYPE } = {}) {
      const incoming = await send('GET', path, query, undefined, DOWNLOAD_IDLE_MS, accept)
      return { headers: incoming.headers, chunks: readChunks(incoming, place) }
    },
    async *watch(path, query) {
      const idleMs = options.watchIdleMs ?? WATCH_IDLE_MS
      const incoming = await send('GET', path, { ...query, watch: 'true' }, undefined, idleMs)
      try {
        for await (const line of readLines(incoming, place)) yield parseEvent(line, place)
      } finally {
        incoming.destroy()
      }
    },
  }
}

interface ServerPlace {
  readonly server: string
  readonly context: string
}

/** Sends one request and resolves with an answer of success; every other one is a Fault. */
function createSender(access: ClusterAccess, options: ConnectOptions, place: ServerPlace) {
  return async function send(
    method: string,
    path: string,
    query: Query,
    body: unknown,
    timeoutMs: number,
    accept: string = JSON_TYPE,
  ): Promise<IncomingMessage> {
    const url = parseServer(place.server, path, query)
    const requestOptions = await credentials(access)
    const groups = options.impersonateGroups ?? []
    requestOptions.headers = {
      ...requestOptions.headers,
      accept,
      'user-agent': options.userAgent,
      ...(body === undefined
        ? {}
        : { 'content-type': body instanceof Upload ? body.type : JSON_TYPE }),
      ...(options.impersonate === undefined ? {} : { 'impersonate-user': options.impersonate }),
      ...(groups.length === 0 ? {} : { 'impersonate-group': [...groups] }),
    }
    const startedAt = performance.now()
    const tell = (what: string) =>
      options.onRequest?.(
        `${method} ${url.origin}${url.pathname} ${what} in ${Math.round(performance.now() - startedAt)} ms`,
      )
    const incoming = await sendOnce(url, { ...requestOptions, method }, body, timeoutMs).catch(
      (error: unknown) => {
        tell('failed')
        // What could not be read was never sent: it says itself why.
        throw error instanceof Fault ? error : connectionFault(error, place)
      },
    )
    const status = incoming.statusCode ?? 0
    tell(String(status))
    if (status < 300) return incoming
    const text = await readText(incoming, place)
    throw responseFault(status, text, { ...place, method, path: path + url.search })
  }
}

/** Resolves with the head of the answer; a silence of `timeoutMs` breaks the answer off too. */
function sendOnce(
  url: URL,
  options: RequestOptions,
  body: unknown,
  timeoutMs: number,
): Promise<IncomingMessage> {
  const request = url.protocol === 'http:' ? requestHttp : requestHttps
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined
    const outgoing = request(url, options, (incoming) => {
      answer = incoming
      resolve(incoming)
    })
    outgoing.on('error', reject)
    if (timeoutMs > 0) {
      outgoing.setTimeout(timeoutMs, () => (answer ?? outgoing).destroy(new Error('timed out')))
    }
    if (body instanceof Upload) void sendPieces(outgoing, body.pieces).catch(reject)
    else outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function credentials(access: ClusterAccess): Promise<RequestOptions> {
  const options: RequestOptions = {}
  try {
    await access.addCredentials(options)
  } catch (error) {
    throw new Fault(
      'config_invalid',
      `Cannot get the credentials of the kubeconfig: ${error instanceof Error ? error.message : 'unknown error'}`,
      { cause: error },
    )
  }
  return options
}

function parseServer(server: string, path: string, query: Query): URL {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`],
  )
  const text = `${server}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`
  if (!/^https?:\/\//.test(server) || !URL.canParse(text)) {
    throw new Fault(
      'config_invalid',
      `${JSON.stringify(server)} is no address of a server: want https://HOST:PORT, or http:// for kubectl proxy`,
    )
  }
  return new URL(text)
}

async function readText(incoming: IncomingMessage, place: ServerPlace): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > BODY_BYTES_MAX) throw new Error('the answer is too large')
      chunks.push(chunk)
    }
  } catch (error) {
    throw connectionFault(error, place)
  }
  return Buffer.concat(chunks).toString()
}

async function* readChunks(
  incoming: IncomingMessage,
  place: ServerPlace,
): AsyncGenerator<Buffer, void> {
  try {
    yield* incoming as AsyncIterable<Buffer>
  } catch (error) {
    throw connectionFault(error, place)
  }
}

async function* readLines(
  incoming: IncomingMessage,
  place: ServerPlace,
): AsyncGenerator<string, void> {
  let rest = ''
  try {
    for await (const chunk of incoming.setEncoding('utf8') as AsyncIterable<string>) {
      const parts = `${rest}${chunk}`.split('\n')
      rest = parts.pop() ?? ''
      yield* parts.filter((part) => part !== '')
    }
  } catch (error) {
    throw connectionFault(error, place)
  }
}

function parseEvent(line: string, { server }: ServerPlace): WatchEvent {
  try {
    return JSON.parse(line) as WatchEvent
  } catch (error) {
    const message = `${server} sent something in a watch that is not JSON`
    throw new Fault('upstream_unavailable', message, { cause: error })
  }
}
