import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { INJECTION_ENABLED, INJECTION_LABEL, SYSTEM_NAMESPACE } from '../../core/names.ts'
import { waitFor } from '../cluster/control.ts'
import { job, podSpec } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'

/* Pods that end, and edits that nobody was told of, where controllers and a kubelet do their part. */

const NAMESPACE = 'ends'
let stage: Stage

vi.setConfig({ testTimeout: 240_000 })

beforeAll(async () => {
  stage = await theStage()
  await stage.admin.must(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait'])
  await must(
    ['create', '-f', '-'],
    {
      ...{ apiVersion: 'v1', kind: 'Namespace' },
      metadata: { name: NAMESPACE, labels: { [INJECTION_LABEL]: INJECTION_ENABLED } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'agent', namespace: NAMESPACE } },
    workload('Deployment', 'web'),
    workload('StatefulSet', 'db'),
    workload('DaemonSet', 'each'),
    {
      ...{ apiVersion: 'batch/v1', kind: 'CronJob' },
      metadata: { name: 'often', namespace: NAMESPACE },
      spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: jobSpec(1) } },
    },
    { ...job(NAMESPACE, 'short', 'agent'), spec: jobSpec(1) },
  )
})

afterAll(async () => {
  await stage?.admin.must(['delete', 'namespace', NAMESPACE, '--wait=false'])
  await stage?.close()
})

const ERIN = ['--as=erin', '--as-group=system:masters']

/** Makes objects, or does something else, as erin. */
async function must(args: readonly string[], ...items: readonly object[]): Promise<string> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const { stdout } = await stage.admin.must(
    [...ERIN, '-n', NAMESPACE, ...args],
    items.length === 0 ? undefined : input,
  )
  return stdout
}

function workload(kind: string, app: string): object {
  const labels = { app }
  return {
    ...{ apiVersion: 'apps/v1', kind, metadata: { name: app, namespace: NAMESPACE } },
    spec: {
      ...(kind === 'StatefulSet' ? { serviceName: app } : {}),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec('agent', 3_600) },
    },
  }
}

function jobSpec(seconds: number): object {
  return { template: { spec: { ...podSpec('agent', seconds), restartPolicy: 'Never' } } }
}

interface ChainSummary {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly rootRequester: { readonly username: string }
    readonly coRequesters: readonly { readonly username: string }[]
  }
  readonly status: { readonly phase: string; readonly endedAt?: string }
}

async function chainsOf(prefix: string): Promise<readonly ChainSummary[]> {
  // The API is away for some seconds after a start.
  const asked = [...ERIN, '-n', NAMESPACE, 'get', 'chains', '-o', 'json']
  const { stdout } = await stage.admin.run(asked)
  const { items } = JSON.parse(stdout || '{"items": []}') as {
    readonly items: readonly ChainSummary[]
  }
  return items.filter(({ metadata }) => metadata.name.startsWith(prefix))
}

const requestersOf = ({ rootRequester, coRequesters }: ChainSummary['spec']) =>
  [rootRequester, ...coRequesters].map(({ username }) => username)

const phasesOf = async (prefix: string) =>
  (await chainsOf(prefix)).map(({ status }) => status.phase)

async function scaleControlPlane(replicas: number): Promise<void> {
  const what = 'statefulset/lanyard-control-plane'
  await stage.admin.must(['scale', '-n', SYSTEM_NAMESPACE, what, `--replicas=${replicas}`])
  await stage.admin.must(['rollout', 'status', '-n', SYSTEM_NAMESPACE, what, '--timeout=120s'])
  const gone = ['wait', '-n', SYSTEM_NAMESPACE, '--for=delete', 'pod/lanyard-control-plane-0']
  if (replicas === 0) await stage.admin.must([...gone, '--timeout=120s'])
}

/** What the control plane found when it started. */
async function found(): Promise<Readonly<Record<string, unknown>>> {
  const logs = ['logs', '-n', SYSTEM_NAMESPACE, 'statefulset/lanyard-control-plane']
  const { stdout } = await stage.admin.must(logs)
  const line = stdout.split('\n').find((one) => one.includes('"Looked for edits'))
  return JSON.parse(line ?? '{}') as Readonly<Record<string, unknown>>
}

test('kubectl get chains tells pods that have ended from those that run', async () => {
  for (const what of ['deployment/web', 'statefulset/db', 'daemonset/each']) {
    await must(['rollout', 'status', what, '--timeout=180s'])
  }
  await must(['wait', 'job/short', '--for=condition=Complete', '--timeout=120s'])
  await waitFor('the end of the Job', 20_000, async () => (await phasesOf('short'))[0] === 'Ended')
  for (const app of ['web', 'db', 'each']) expect(await phasesOf(app)).toEqual(['Running'])
  const table = await must(['get', 'chains'])
  expect(table).toMatch(/^NAME +ROOT REQUESTER +DEPTH +CHAIN +STATUS +AGE/)
  expect(table).toMatch(/^short-\S+ .* Ended /m)
})

test('a control plane that was away finds the pods that ended meanwhile, and no edit that it saw', async () => {
  await must(['scale', 'deployment/web', '--replicas=2'])
  await must(['rollout', 'restart', 'statefulset/db'])
  await must(['rollout', 'status', 'statefulset/db', '--timeout=180s'])
  await must(['rollout', 'status', 'deployment/web', '--timeout=180s'])
  const before = await chainsOf('each')
  await scaleControlPlane(0)
  await must(['delete', 'daemonset/each', '--cascade=foreground', '--wait'])
  await scaleControlPlane(1)
  expect(await found()).toMatchObject({ unseen: 0 })
  const name = before[0]?.metadata.name ?? ''
  // A pod that was bound less than half a minute before is looked for once more after that time.
  await waitFor('the end', 60_000, async () => (await phasesOf(name))[0] === 'Ended')
  const web = await chainsOf('web')
  expect(web.length).toBeGreaterThan(0)
  for (const { spec } of web) expect(requestersOf(spec)).toEqual(['erin'])
})

test('a template that was edited while the label was gone and the control plane away has no author', async () => {
  await scaleControlPlane(0)
  await must(['label', 'namespace', NAMESPACE, `${INJECTION_LABEL}-`])
  await must(['set', 'env', 'deployment/web', 'WHO=mallory'])
  await must(['label', 'namespace', NAMESPACE, `${INJECTION_LABEL}=${INJECTION_ENABLED}`])
  await scaleControlPlane(1)
  expect(await found()).toMatchObject({ unseen: expect.any(Number) })
  expect(await found()).not.toMatchObject({ unseen: 0 })
  await must(['delete', 'pods', '-l', 'app=web', '--wait'])
  const running = async () =>
    (await chainsOf('web')).filter(({ status }) => status.phase === 'Running')
  await waitFor('the new pods', 120_000, async () => (await running()).length > 0)
  for (const { spec } of await running()) {
    expect(requestersOf(spec)).toContain('lanyard:unattributed')
  }
})
