import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ApiregistrationV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  type KubeConfig,
  RbacAuthorizationV1Api,
} from '@kubernetes/client-node'
import type { DelegatedAuthorizer } from '../../control-plane/access-api/access-api-app.ts'
import { createAccessReviewer, mayAccess } from '../../control-plane/kubernetes/access-reviewer.ts'
import { readExtensionAuthentication } from '../../control-plane/kubernetes/extension-authentication.ts'
import { createLogger } from '../../platform/logger.ts'
import { createRequestHeaderSource } from '../../platform/request-header-config.ts'
import { type AccessApiFixture, type Stores, startAccessApi } from './access-api-fixture.ts'
import { type BareApiServer, startBareApiServer } from './bare-apiserver.ts'
import { createTestAuthority } from './test-certificates.ts'

const SYSTEM = 'lanyard-system'
const SERVICE = 'lanyard-control-plane'

/** The access API behind a real kube-apiserver, with kubectl. */
export interface AccessApiBehind {
  readonly apiServer: BareApiServer
  readonly api: AccessApiFixture
  readonly admin: KubeConfig
  /** Where each user has a kubeconfig of their name. */
  readonly folder: string
  /** What the access API has asked the cluster's authorizer. */
  readonly asked: readonly Parameters<DelegatedAuthorizer>[]
  /** kubectl as a user, with something on its stdin: what it writes. */
  run(user: string, command: string, input?: string): Promise<string>
  close(): Promise<void>
}

/** Starts both; the developers, such as alice, may read chains and decisions in the namespace team. */
export async function startAccessApiBehind(
  programs: { readonly kube: string; readonly kubectl: string },
  users: Readonly<Record<string, string>>,
  stores?: Stores,
): Promise<AccessApiBehind> {
  const apiServer = await startBareApiServer(programs.kube)
  const admin = await apiServer.config('admin', 'system:masters')
  const logger = createLogger({ name: 'test', level: 'error' })
  const requestHeader = createRequestHeaderSource({
    read: readExtensionAuthentication(admin.makeApiClient(CoreV1Api)),
    logger,
  })
  await requestHeader.start()
  requestHeader.close()
  const reviewer = createAccessReviewer(admin.makeApiClient(AuthorizationV1Api), {
    ...{ ttlMs: 0, isWatching: () => false, now: Date.now, logger },
  })
  const asked: Parameters<DelegatedAuthorizer>[] = []
  const serving = await createTestAuthority('lanyard')
  const overrides = {
    requestHeader,
    certificate: await serving.issueServer(`${SERVICE}.${SYSTEM}.svc`),
    authorize: async (...[user, attributes]: Parameters<DelegatedAuthorizer>) => {
      asked.push([user, attributes])
      return mayAccess(reviewer, user, attributes)
    },
  }
  const api = await startAccessApi(overrides, stores)
  await install(admin, api.port, serving.certificatePem)
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-behind-'))
  for (const [user, group] of Object.entries(users)) {
    await writeFile(join(folder, user), await apiServer.kubeconfig(user, group))
  }
  return {
    ...{ apiServer, api, admin, folder, asked },
    run: (user, command, input = '') =>
      new Promise((resolve) => {
        const env = { ...process.env, KUBECONFIG: join(folder, user), HOME: folder }
        const options = { env, maxBuffer: 64 * 1024 * 1024 }
        const child = execFile(
          programs.kubectl,
          command.split(' '),
          options,
          (_error, stdout, stderr) => resolve(`${stdout}${stderr}`),
        )
        child.stdin?.end(input)
      }),
    async close() {
      await apiServer.close()
      await api.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The Service, the APIService, and RBAC for alice in namespace team. */
async function install(admin: KubeConfig, port: number, caPem: string): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api)
  for (const name of [SYSTEM, 'team', 'other']) {
    await core.createNamespace({ body: { metadata: { name } } })
  }
  // There is no proxy for Services, so this one is a name for loopback.
  await core.createNamespacedService({
    namespace: SYSTEM,
    body: {
      metadata: { name: SERVICE },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    },
  })
  await admin.makeApiClient(ApiregistrationV1Api).createAPIService({
    body: {
      metadata: { name: 'v1alpha1.access.lanyard.dev' },
      spec: {
        group: 'access.lanyard.dev',
        version: 'v1alpha1',
        groupPriorityMinimum: 1_000,
        versionPriority: 15,
        caBundle: Buffer.from(caPem).toString('base64'),
        service: { namespace: SYSTEM, name: SERVICE, port },
      },
    },
  })
  const rbac = admin.makeApiClient(RbacAuthorizationV1Api)
  await rbac.createNamespacedRole({
    namespace: 'team',
    body: {
      metadata: { name: 'read' },
      rules: [
        {
          apiGroups: ['access.lanyard.dev'],
          resources: ['chains', 'auditevents'],
          verbs: ['get', 'list', 'watch'],
        },
      ],
    },
  })
  await rbac.createNamespacedRoleBinding({
    namespace: 'team',
    body: {
      metadata: { name: 'read' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'read' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'developers' }],
    },
  })
}
