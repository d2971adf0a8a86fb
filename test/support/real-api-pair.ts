import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoreV1Api, type KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node'
import { Effect } from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { startBareApiServer } from './bare-apiserver.ts'
import { exchange, NO_ANSWER, type RawAnswer, type RawServer } from './raw-exchange.ts'
import { type SidecarFixture, startSidecarFixture } from './sidecar-fixture.ts'

/** A real kube-apiserver, and a sidecar before it whose control plane allows everything. */
export interface RealApiPair {
  readonly direct: RawServer
  readonly through: RawServer
  /** What the sidecar has asked its control plane. */
  readonly questions: SidecarFixture['controlPlane']['questions']
  /** Sends the same to both. */
  ask(sent: Sent): Promise<{ readonly theirs: RawAnswer; readonly ours: RawAnswer }>
  close(): Promise<void>
}

/** A request of the test's own; what is left out is what a usual client sends. */
export interface Sent {
  readonly method?: string
  readonly target?: string
  readonly version?: string
  /** Lines of the head beside Host, Authorization and Content-Length. */
  readonly headers?: readonly string[]
  readonly authorization?: readonly string[]
  readonly host?: readonly string[]
  readonly body?: string
}

export const NAMESPACE_PATH = '/api/v1/namespaces/team'
export const MAPS = `${NAMESPACE_PATH}/configmaps`
export const WEBSOCKET = [
  ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  'Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==',
]

const namespace = 'team'

/** The bytes of a request, in which `TOKEN` stands for the token. */
export function printRequest({
  method = 'GET',
  target = MAPS,
  version = 'HTTP/1.1',
  headers = [],
  authorization = ['Authorization: Bearer TOKEN'],
  host = ['Host: kubernetes.default.svc'],
  body,
}: Sent): string {
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const framed = headers.some((line) => /^transfer-encoding/i.test(line)) ? [] : length
  const head = [`${method} ${target} ${version}`, ...host, ...authorization, ...framed, ...headers]
  return `${head.join('\r\n')}\r\n\r\n${body ?? ''}`
}

/** Of an answer, what a client goes by. */
export function comparable({ httpStatus, headers, body }: RawAnswer) {
  const picked = ['content-type', 'location', 'content-encoding', 'etag', 'content-range', 'allow']
  return {
    httpStatus,
    headers: Object.fromEntries(picked.map((name) => [name, headers[name]])),
    kind: /"kind": ?"(\w+)"/.exec(body)?.[1] ?? '',
  }
}

/**
 * Starts both. The pod's account is what `account` makes and returns the token of; by default it may do
 * everything, so that each answer is about the request. `flags` are kube-apiserver's.
 */
export async function startRealApiPair(
  kube: string,
  account: (admin: KubeConfig) => Promise<string> = makeAccount,
  flags: readonly string[] = [],
): Promise<RealApiPair> {
  const apiServer = await startBareApiServer(kube, flags)
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-habits-'))
  const admin = await apiServer.config('admin', 'system:masters')
  const token = await account(admin)
  const { server = '', caData = '' } = admin.getCurrentCluster() ?? {}
  const caPem = Buffer.from(caData, 'base64').toString('utf8')
  const [tokenFile, caFile] = [join(folder, 'token'), join(folder, 'ca')]
  await writeFile(tokenFile, token)
  await writeFile(caFile, caPem)
  const fixture = await startSidecarFixture({
    LANYARD_UPSTREAM_URL: server,
    LANYARD_API_TOKEN_FILE: tokenFile,
    LANYARD_API_CA_FILE: caFile,
  })
  fixture.controlPlane.decide((_question, id) => ({
    case: 'decision',
    value: { decisionId: id, effect: Effect.ALLOW, impersonationJudged: true },
  }))
  const direct = { port: Number(new URL(server).port), caPem, token }
  const through = { port: fixture.sidecar.port, caPem: fixture.caPem, token: fixture.token }
  return {
    direct,
    through,
    questions: fixture.controlPlane.questions,
    async ask(sent) {
      const text = printRequest(sent)
      const both = await Promise.all([exchange(direct, text), exchange(through, text)])
      const [theirs = NO_ANSWER, ours = NO_ANSWER] = both.map(([answer]) => answer)
      return { theirs, ours }
    },
    async close() {
      await fixture.close()
      await apiServer.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** An account that may do everything, in a namespace with a ConfigMap and a Pod; resolves with its token. */
export async function makeAccount(admin: KubeConfig): Promise<string> {
  const core = admin.makeApiClient(CoreV1Api)
  await core.createNamespace({ body: { metadata: { name: namespace } } })
  const account = { metadata: { name: 'default' } }
  await core.createNamespacedServiceAccount({ namespace, body: account })
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'one' } } })
  const spec = { automountServiceAccountToken: false, containers: [{ name: 'a', image: 'x' }] }
  await core.createNamespacedPod({ namespace, body: { metadata: { name: 'web' }, spec } })
  await admin.makeApiClient(RbacAuthorizationV1Api).createClusterRoleBinding({
    body: {
      metadata: { name: 'everything' },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: 'cluster-admin',
      },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
    },
  })
  const body = { spec: { audiences: [] } }
  const made = await core.createNamespacedServiceAccountToken({ name: 'default', namespace, body })
  return made.status?.token ?? ''
}
