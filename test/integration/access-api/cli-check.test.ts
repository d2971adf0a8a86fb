import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import {
  type AggregatingCluster,
  namespaceObject,
  startAggregatingCluster,
} from '../../support/aggregating-cluster.ts'
import {
  ADMISSION_API_SERVICE_PATH,
  API_SERVICE_PATH,
  anApiService,
  aPod,
  aPolicy,
  aPolicyBinding,
  aWebhookConfiguration,
  aWorkload,
  BINDINGS_PATH,
  CONTROL_PLANE_PATH,
  DEPLOYMENTS_PATH,
  INJECTOR_PATH,
  installedObjects,
  LIMIT_RANGES_PATH,
  list,
  MUTATING_PATH,
  NAMESPACES_PATH,
  PODS_PATH,
  POLICIES_PATH,
  PROFILES_PATH,
  VALIDATING_PATH,
} from '../../support/installed-objects.ts'
import { type CliRun, runInMemory } from '../../support/run-cli.ts'

const GOLDEN = resolve(import.meta.dirname, '../../golden/cli')
const YEAR_MS = 365 * 24 * 60 * 60 * 1_000

let api: AccessApiFixture
let folder: string
let caBundle: string

beforeAll(async () => {
  api = await startAccessApi()
  caBundle = Buffer.from(api.serving.certificatePem).toString('base64')
  folder = await mkdtemp(join(tmpdir(), 'lanyard-check-'))
})

afterAll(async () => {
  await api.close()
  await rm(folder, { recursive: true, force: true })
})

/** Runs `check` on a good installation in which `change` was made. */
async function check(
  change: (cluster: AggregatingCluster) => void,
  options: {
    readonly args?: readonly string[]
    readonly user?: string
    readonly nowMs?: number
  } = {},
): Promise<CliRun> {
  const { args = [], user = 'alice', nowMs = Date.now() } = options
  const cluster = await startAggregatingCluster(api)
  for (const [path, object] of installedObjects(api.serving.certificatePem)) {
    cluster.objects.set(path, object)
  }
  change(cluster)
  await writeFile(join(folder, user), cluster.kubeconfig(user))
  const run = await runInMemory(['check', ...args], {
    env: { KUBECONFIG: join(folder, user) },
    nowMs,
  })
  await cluster.close()
  return run
}

function transcript({ stdout, stderr, exitCode }: CliRun): string {
  const steady = stdout
    .replaceAll(/\d+d left/g, 'Nd left')
    .replaceAll(/expires in \S+ \(\S+\)/g, 'expires in Nd (TIME)')
    .replaceAll(/expired at \S+/g, 'expired at TIME')
  return `${steady}${stderr}--- exit code ${exitCode}\n`
}

test('runCheck() of a good installation has nothing to say', async () => {
  // The authority of the test ends tomorrow, which is soon: look from a year ago.
  const run = await check(() => {}, { nowMs: Date.now() - YEAR_MS })
  await expect(transcript(run)).toMatchFileSnapshot(join(GOLDEN, 'check-good.txt'))
})

test('runCheck() names everything that is wrong', async () => {
  const run = await check(({ objects }) => {
    objects.set('/version', { major: '1', minor: '28+', gitVersion: 'v1.28.1' })
    objects.set(CONTROL_PLANE_PATH, aWorkload('lanyard-control-plane', 1, 0, '0.0.9'))
    objects.set(INJECTOR_PATH, aWorkload('lanyard-injector', 1, 1))
    objects.set(MUTATING_PATH, list([aWebhookConfiguration('mutate.lanyard.dev', 'Ignore')]))
    objects.set(VALIDATING_PATH, list([]))
    objects.set(ADMISSION_API_SERVICE_PATH, anApiService({ caBundle: '' }))
    objects.set(BINDINGS_PATH, list([aPolicyBinding('lanyard-pods', 'Audit')]))
    objects.set(
      POLICIES_PATH,
      list([
        aPolicy('good', 'True', ''),
        aPolicy('bad', 'False', 'spec.rules[0].verbs: "exec" is no verb\u001b[2J'),
      ]),
    )
    objects.set(NAMESPACES_PATH, list([namespaceObject('team'), namespaceObject('kube-system')]))
    objects.set(
      PODS_PATH,
      list([
        aPod('agent', { sidecar: true }),
        aPod('web-5d4-x', { owner: { kind: 'ReplicaSet', name: 'web-5d4' }, hash: '5d4' }),
        aPod('web-5d4-y', { owner: { kind: 'ReplicaSet', name: 'web-5d4' }, hash: '5d4' }),
        aPod('db-0', { owner: { kind: 'StatefulSet', name: 'db' } }),
        aPod('run-1', { owner: { kind: 'Job', name: 'run' } }),
        aPod('alone', {}),
        aPod('done', { phase: 'Succeeded' }),
      ]),
    )
  })
  await expect(transcript(run)).toMatchFileSnapshot(join(GOLDEN, 'check-bad.txt'))
})

test('runCheck() warns of what ends soon and of what nobody has looked at', async () => {
  const run = await check(({ objects }) => {
    objects.set(POLICIES_PATH, list([{ metadata: { name: 'new' } }]))
    objects.set(NAMESPACES_PATH, list([namespaceObject('default', {})]))
    objects.set(INJECTOR_PATH, aWorkload('lanyard-injector', 2, 1))
  })
  await expect(transcript(run)).toMatchFileSnapshot(join(GOLDEN, 'check-warnings.txt'))
})

test('runCheck() says how to add the definition of MaskProfiles after an upgrade', async () => {
  const run = await check(({ objects }) => void objects.delete(PROFILES_PATH))
  const text = transcript(run)
  expect(text).toContain('‼ every MaskProfile is accepted')
  expect(text).toContain('kubectl apply -f deploy/chart/crds')
})

test('runCheck() says of what the user may not read that it cannot be checked', async () => {
  const run = await check(
    ({ forbidden }) => {
      forbidden.set('bob', ['/apis/', NAMESPACES_PATH])
    },
    { user: 'bob' },
  )
  await expect(transcript(run)).toMatchFileSnapshot(join(GOLDEN, 'check-forbidden.txt'))
})

test('runCheck() of one namespace looks at that one', async () => {
  const run = await check(
    ({ objects, forbidden }) => {
      objects.delete(NAMESPACES_PATH)
      forbidden.set('alice', ['/apis/apps/'])
    },
    { args: ['-n', 'team', '-o', 'json'], nowMs: Date.now() - YEAR_MS },
  )
  await expect(transcript(run)).toMatchFileSnapshot(join(GOLDEN, 'check-namespace-json.txt'))
})

test('runCheck() tells of a namespace what will not go on running, before it is opted in', async () => {
  const run = await check(
    ({ objects }) => {
      objects.set('/api/v1/namespaces/team', namespaceObject('team', {}))
      objects.set(
        MUTATING_PATH,
        list([
          aWebhookConfiguration('mutate.lanyard.dev'),
          {
            metadata: { name: 'opentelemetry-operator-mutation' },
            webhooks: [
              {
                name: 'mpod.kb.io',
                clientConfig: {},
                rules: [{ apiGroups: [''], resources: ['pods'], operations: ['CREATE'] }],
              },
            ],
          },
        ]),
      )
      const max = { memory: '64Mi' }
      const limits = { metadata: { name: 'small' }, spec: { limits: [{ type: 'Container', max }] } }
      objects.set(LIMIT_RANGES_PATH, list([limits]))
      const args = ['--master=https://kubernetes.default.svc.corp.example']
      const spec = { hostNetwork: true, containers: [{ name: 'agent', args }] }
      const deployment = { metadata: { name: 'node-agent' }, spec: { template: { spec } } }
      objects.set(DEPLOYMENTS_PATH, list([deployment]))
    },
    { args: ['-n', 'team'], nowMs: Date.now() - YEAR_MS },
  )
  await expect(transcript(run)).toMatchFileSnapshot(join(GOLDEN, 'check-before.txt'))
})

test('runCheck() stops where Lanyard is not installed', async () => {
  const run = await check(({ objects }) => {
    objects.delete(API_SERVICE_PATH)
  })
  await expect(transcript(run)).toMatchFileSnapshot(join(GOLDEN, 'check-absent.txt'))
})

test('runCheck() stops where the API does not answer', async () => {
  const run = await check(({ objects }) => {
    const message = 'failing or missing response from https://10.96.7.7:8443'
    objects.set(API_SERVICE_PATH, anApiService({ caBundle, available: false, message }))
  })
  await expect(transcript(run)).toMatchFileSnapshot(join(GOLDEN, 'check-unavailable.txt'))
})

test('runCheck() tells that a certificate has expired', async () => {
  const run = await check(() => {}, { nowMs: Date.now() + YEAR_MS })
  expect(run.exitCode).toBe(1)
  expect(run.stdout).toMatch(/× the CA certificate of the APIService is valid\n {4}.*expired at/)
})
