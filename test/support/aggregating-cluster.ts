import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:https'
import { failureStatus } from '../../core/kubernetes/status.ts'
import type { AccessApiFixture } from './access-api-fixture.ts'

/** As much of a kube-apiserver as an aggregated API and its clients need. */
export interface AggregatingCluster {
  readonly url: string
  /** A kubeconfig with the token of a user, as text. */
  kubeconfig(user: string, namespace?: string): string
  /** What a request for a path answers. */
  readonly objects: Map<string, unknown>
  /** Paths that a user may not read, by their beginning. */
  readonly forbidden: Map<string, readonly string[]>
  close(): Promise<void>
}

const GROUP = 'access.lanyard.dev'
const PROXIED = [`/apis/${GROUP}`, `/openapi/v3/apis/${GROUP}`]

/**
 * Starts it with TLS. The bearer token `USER-token` is USER's login; requests for the group
 * access.lanyard.dev go to `api` through the front proxy, as kube-apiserver's aggregator sends them.
 */
export async function startAggregatingCluster(api: AccessApiFixture): Promise<AggregatingCluster> {
  const serving = await api.serving.issueServer()
  const objects = new Map<string, unknown>(discovery())
  const forbidden = new Map<string, readonly string[]>()
  const server = createServer(
    { cert: serving.certificatePem, key: serving.privateKeyPem },
    (incoming, outgoing) => void answer(incoming, outgoing),
  )

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const token = /^Bearer (.+)-token$/.exec(incoming.headers.authorization ?? '')?.[1]
    const path = (incoming.url ?? '').split('?')[0] ?? ''
    if (token === undefined)
      return send(outgoing, 401, failureStatus(401, 'Unauthorized', 'Unauthorized'))
    const user = String(incoming.headers['impersonate-user'] ?? token)
    if ((forbidden.get(user) ?? []).some((beginning) => path.startsWith(beginning))) {
      const message = `forbidden: User "${user}" cannot ${(incoming.method ?? '').toLowerCase()} path "${path}"`
      return send(outgoing, 403, failureStatus(403, 'Forbidden', message))
    }
    if (path === REVIEWS) return send(outgoing, 201, await review(incoming, user))
    if (PROXIED.some((beginning) => path.startsWith(beginning)) && !objects.has(path)) {
      return forward(incoming, outgoing, user)
    }
    const body = objects.get(path)
    if (body === undefined) {
      const message = 'the server could not find the requested resource'
      return send(outgoing, 404, failureStatus(404, 'NotFound', message))
    }
    return send(outgoing, 200, body)
  }

  function forward(incoming: IncomingMessage, outgoing: ServerResponse, user: string): void {
    const proxied = request({
      host: '127.0.0.1',
      port: api.port,
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      agent: false,
      ca: api.serving.certificatePem,
      cert: api.frontProxy.certificatePem,
      key: api.frontProxy.privateKeyPem,
      headers: {
        accept: incoming.headers.accept ?? '',
        ...bodyHeaders(incoming),
        'x-remote-user': user,
      },
    })
    proxied.once('error', () => send(outgoing, 503, 'service unavailable'))
    proxied.once('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      outgoing.flushHeaders()
      response.pipe(outgoing)
      outgoing.once('close', () => response.destroy())
    })
    incoming.pipe(proxied)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const url = `https://127.0.0.1:${port}`
  return {
    url,
    kubeconfig: (user, namespace = 'team') =>
      kubeconfig(url, api.serving.certificatePem, user, namespace),
    objects,
    forbidden,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A body has a length, or comes in chunks. */
function bodyHeaders({ headers }: IncomingMessage): Record<string, string> {
  const chunked = headers['transfer-encoding']
  return chunked === undefined
    ? { 'content-length': headers['content-length'] ?? '0' }
    : { 'transfer-encoding': chunked }
}

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'

/** What the access API itself will say: alice may, others may not. */
async function review(incoming: IncomingMessage, user: string): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
  const sent = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
  return { ...sent, status: { allowed: user === 'alice' } }
}

function send(outgoing: ServerResponse, status: number, body: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  outgoing.writeHead(status, { 'content-type': type }).end(text)
}

function kubeconfig(url: string, ca: string, user: string, namespace: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [
      {
        name: 'test',
        cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
      },
    ],
    users: [{ name: user, user: { token: `${user}-token` } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user, namespace } }],
  })
}

/** What kubectl asks before anything else. */
function discovery(): readonly (readonly [string, unknown])[] {
  const version = { groupVersion: `${GROUP}/v1alpha1`, version: 'v1alpha1' }
  return [
    ['/version', { major: '1', minor: '34', gitVersion: 'v1.34.4' }],
    ['/api', { kind: 'APIVersions', versions: ['v1'] }],
    ['/api/v1', { kind: 'APIResourceList', groupVersion: 'v1', resources: [] }],
    ['/api/v1/namespaces/team', namespaceObject('team')],
    [
      '/apis',
      {
        kind: 'APIGroupList',
        apiVersion: 'v1',
        groups: [{ name: GROUP, versions: [version], preferredVersion: version }],
      },
    ],
    [
      '/openapi/v3',
      {
        paths: {
          [`apis/${GROUP}/v1alpha1`]: {
            serverRelativeURL: `/openapi/v3/apis/${GROUP}/v1alpha1?hash=1`,
          },
        },
      },
    ],
  ]
}

/** A namespace that is opted in, unless told otherwise. */
export function namespaceObject(
  name: string,
  labels: Readonly<Record<string, string>> = { 'lanyard.dev/injection': 'enabled' },
): unknown {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
}
