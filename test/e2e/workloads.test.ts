import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitFor } from '../cluster/control.ts'
import { podSpec, WATCHED } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'

/* Every built-in kind that makes pods, made by the real controllers. */

let stage: Stage

beforeAll(async () => {
  stage = await theStage()
})

afterAll(() => stage?.close())

test('each kind of workload carries the chain of its author to its pods', async () => {
  const author = stage.admin
  const template = { metadata: { labels: { app: 'kinds' } }, spec: podSpec('agent', 3_600) }
  const selector = { matchLabels: { app: 'kinds' } }
  const jobSpec = { template: { spec: { ...podSpec('agent', 600), restartPolicy: 'Never' } } }
  const objects = [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'kinds-d' },
      spec: { replicas: 1, selector, template },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'kinds-s' },
      spec: { replicas: 1, serviceName: 'x', selector, template },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'kinds-ds' },
      spec: { selector, template },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'kinds-rs' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'kinds-rs' } },
        template: { ...template, metadata: { labels: { app: 'kinds-rs' } } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'kinds-rc' },
      spec: {
        replicas: 1,
        selector: { app: 'kinds-rc' },
        template: { ...template, metadata: { labels: { app: 'kinds-rc' } } },
      },
    },
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'kinds-c' },
      spec: { schedule: '* * * * *', jobTemplate: { spec: jobSpec } },
    },
  ]
  const carol = stage.admin
  const as = ['--as=carol', '--as-group=system:masters']
  for (const object of objects)
    await carol.must(['create', '-n', WATCHED, ...as, '-f', '-'], JSON.stringify(object))
  await author.must([
    'create',
    'job',
    'kinds-manual',
    '-n',
    WATCHED,
    '--from=cronjob/kinds-c',
    ...as,
  ])
  const chains = async (): Promise<readonly string[]> => {
    const listed = await author.must([
      'get',
      'chains',
      '-n',
      WATCHED,
      '--field-selector=spec.rootRequester=carol',
      '-o',
      'json',
    ])
    const { items } = JSON.parse(listed.stdout) as {
      items: { spec: { actors: { via: { kind: string }[] }[] } }[]
    }
    return items
      .map(({ spec }) => (spec.actors[0]?.via ?? []).map(({ kind }) => kind).join('>'))
      .sort()
  }
  const want = [
    'CronJob>Job',
    'DaemonSet',
    'Deployment>ReplicaSet',
    'Job',
    'ReplicaSet',
    'ReplicationController',
    'StatefulSet',
  ]
  // The CronJob fires at the next full minute.
  await waitFor('a pod of each kind', 90_000, async () => {
    const found = await chains()
    return want.every((kind) => found.includes(kind))
  })
  await author.must([
    'delete',
    '-n',
    WATCHED,
    '--wait=false',
    '--ignore-not-found',
    'deploy/kinds-d',
    'sts/kinds-s',
    'ds/kinds-ds',
    'rs/kinds-rs',
    'rc/kinds-rc',
    'cj/kinds-c',
    'job/kinds-manual',
  ])
})

test('whoever edits a template answers for what it makes from then on', async () => {
  const template = { metadata: { labels: { app: 'edited' } }, spec: podSpec('agent', 3_600) }
  const spec = { replicas: 1, selector: { matchLabels: { app: 'edited' } }, template }
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'edited', namespace: WATCHED },
    spec,
  }
  await stage.admin.must(
    ['create', '--as=carol', '--as-group=system:masters', '-f', '-'],
    JSON.stringify(object),
  )
  await stage.admin.must([
    'set',
    'env',
    'deploy/edited',
    '-n',
    WATCHED,
    'X=1',
    '--as=mallory',
    '--as-group=system:masters',
  ])
  const both = async (): Promise<string> =>
    (
      await stage.admin.must([
        'get',
        'chains',
        '-n',
        WATCHED,
        '-o',
        'jsonpath={range .items[*]}{.spec.rootRequester.username}+{.spec.coRequesters[*].username} {end}',
      ])
    ).stdout
  await waitFor('the edited pod', 60_000, async () => (await both()).includes('carol+mallory'))
  expect(await both()).toContain('carol+mallory')
  await stage.admin.must(['delete', 'deploy', 'edited', '-n', WATCHED, '--wait=false'])
})
