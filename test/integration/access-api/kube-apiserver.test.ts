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
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DelegatedAuthorizer } from '../../../control-plane/access-api/access-api-app.ts'
import {
  createAccessReviewer,
  mayAccess,
} from '../../../control-plane/kubernetes/access-reviewer.ts'
import { readExtensionAuthentication } from '../../../control-plane/kubernetes/extension-authentication.ts'
import { createLogger } from '../../../platform/logger.ts'
import { createRequestHeaderSource } from '../../../platform/request-header-config.ts'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findKube, findKubectl } from '../../support/find-kubernetes.ts'
import { AGENT, aDecision, aDecisionId, anOutcome } from '../../support/record-builders.ts'
import { runInMemory } from '../../support/run-cli.ts'
import { recordSamples } from '../../support/sample-records.ts'
import { createTestAuthority } from '../../support/test-certificates.ts'

const kube = findKube()
const kubectl = findKubectl()
const SYSTEM = 'lanyard-system'
const SERVICE = 'lanyard-control-plane'

/* With the kube-apiserver of the test cluster, once it is built. */
describe.skipIf(kube === undefined || kubectl === undefined)('behind a real kube-apiserver', () => {
  let apiServer: BareApiServer
  let api: AccessApiFixture
  let folder: string
  const asked: Parameters<DelegatedAuthorizer>[] = []

  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    const admin = await apiServer.config('admin', 'system:masters')
    const logger = createLogger({ name: 'test', level: 'error' })
    const requestHeader = createRequestHeaderSource({
      read: readExtensionAuthentication(admin.makeApiClient(CoreV1Api)),
      logger,
    })
    await requestHeader.start()
    requestHeader.close()
    const reviewer = createAccessReviewer(admin.makeApiClient(AuthorizationV1Api), {
      ttlMs: 0,
      isWatching: () => false,
      now: Date.now,
      logger,
    })
    const serving = await createTestAuthority('lanyard')
    api = await startAccessApi({
      requestHeader,
      certificate: await serving.issueServer(`${SERVICE}.${SYSTEM}.svc`),
      authorize: async (user, attributes) => {
        asked.push([user, attributes])
        return mayAccess(reviewer, user, attributes)
      },
    })
    await recordSamples(api)
    await install(admin, api.port, serving.certificatePem)
    folder = await mkdtemp(join(tmpdir(), 'lanyard-behind-'))
    for (const [user, group] of [
      ['admin', 'system:masters'],
      ['alice', 'developers'],
      ['bob', 'others'],
    ] as const) {
      await writeFile(join(folder, user), await apiServer.kubeconfig(user, group))
    }
  }, 120_000)

  afterAll(async () => {
    await apiServer?.close()
    await api?.close()
    await rm(folder, { recursive: true, force: true })
  })

  function run(user: string, command: string): Promise<string> {
    const env = { ...process.env, KUBECONFIG: join(folder, user), HOME: folder }
    return new Promise((resolve) =>
      execFile(
        kubectl ?? '',
        command.split(' '),
        { env, maxBuffer: 64 * 1024 * 1024 },
        (_error, stdout, stderr) => resolve(`${stdout}${stderr}`),
      ),
    )
  }

  test('the APIService becomes available', async () => {
    const look = () => run('admin', 'get apiservice v1alpha1.access.lanyard.dev')
    await expect.poll(look, { timeout: 60_000 }).toContain('True')
  }, 90_000)

  test('alice, whom RBAC lets read namespace team, reads it and no other', async () => {
    expect(await run('alice', 'get chains -n team')).toMatch(/^third +alice +3 /m)
    expect(await run('alice', 'get chains -n other')).toContain(
      'chains.access.lanyard.dev is forbidden: User "alice" cannot list resource "chains" in API group "access.lanyard.dev" in the namespace "other"',
    )
    const [user] = asked.findLast(([{ username }]) => username === 'alice') ?? []
    expect(user?.groups).toEqual(['developers', 'system:authenticated'])
    expect(Object.keys(user?.extra ?? {})).toContain('authentication.kubernetes.io/credential-id')
  })

  test('bob, whom nothing lets read, is refused', async () => {
    expect(await run('bob', 'get auditevents -n team')).toContain('(Forbidden)')
  })

  test.each([
    ['explain auditevents.status', 'What became of the request.'],
    ['api-resources --api-group=access.lanyard.dev', 'auditevents'],
    ['get auditevents -A --chunk-size=3', aDecisionId(8).toLowerCase()],
    ['get chain third -n team -o yaml', 'rootRequester:'],
    ['get --raw /openapi/v2', 'dev.lanyard.access.v1alpha1.ChainSpec'],
    ['delete chain agent -n team', 'does not allow this method'],
  ])('kubectl %s says %j', async (command, says) => {
    await expect.poll(() => run('admin', command), { timeout: 30_000 }).toContain(says)
  })

  test('a watch streams through the aggregator', async () => {
    const command = 'get auditevents -n team -w --output-watch-events'
    const env = { ...process.env, KUBECONFIG: join(folder, 'alice'), HOME: folder }
    const child = execFile(kubectl ?? '', command.split(' '), { env })
    let text = ''
    child.stdout?.on('data', (chunk: string) => {
      text += chunk
    })
    await expect.poll(() => text, { timeout: 20_000 }).toContain(aDecisionId(8).toLowerCase())
    await api.auditEvents.append(aDecision(200))
    const name = aDecisionId(200).toLowerCase()
    await expect.poll(() => text, { timeout: 20_000 }).toMatch(new RegExp(`ADDED +${name} .*open`))
    await api.auditEvents.complete(AGENT.podUid, aDecisionId(200), anOutcome(200))
    await expect.poll(() => text, { timeout: 20_000 }).toMatch(new RegExp(`MODIFIED +${name} `))
    child.kill()
  })

  test('the CLI works with a client certificate', async () => {
    const env = { KUBECONFIG: join(folder, 'alice') }
    const chain = await runInMemory(['chain', 'third'], { env })
    expect(chain.stdout).toContain('alice (User, root requester)')
    const audit = await runInMemory(['audit', '-A'], { env })
    expect(audit).toMatchObject({ exitCode: 1 })
    expect(audit.stderr).toContain('Ask an administrator for: list auditevents.access.lanyard.dev')
  })

  test.each(['admin', 'bob'])('the CLI tells both versions to %s', async (user) => {
    const answer = await runInMemory(['version'], { env: { KUBECONFIG: join(folder, user) } })
    expect(answer).toEqual({
      exitCode: 0,
      stdout: 'Client Version: 0.1.0\nServer Version: 0.1.0\n',
      stderr: '',
    })
  })

  test('kube-apiserver logs no complaint about the API', async () => {
    const complaints = (await apiServer.log())
      .split('\n')
      .filter((line) => /^[EW]\d{4} /.test(line) && /lanyard|openapi/i.test(line))
    // A client that hangs up is not about the API, nor is a machine that is too busy for a handshake.
    const other = /abort while handling|Post-timeout|TLS handshake timeout/
    expect(complaints.filter((line) => !other.test(line))).toEqual([])
  })
})

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
