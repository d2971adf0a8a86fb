import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitFor } from '../cluster/control.ts'
import { podSpec, WATCHED } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'

/* What the real controllers take over from somebody else, and what they do not. */

let stage: Stage

beforeAll(async () => {
  stage = await theStage()
})

afterAll(() => stage?.close())

const APPS = 'apps/v1'
/** `seconds` tell the code of one from that of another. */
const specOf = (labels: Readonly<Record<string, string>>, replicas: number, seconds: number) => ({
  replicas,
  selector: { matchLabels: labels },
  template: { metadata: { labels }, spec: podSpec('agent', seconds) },
})

async function kubectl(user: string, args: readonly string[], input?: object): Promise<string> {
  const as = ['--as', user, '--as-group=system:masters', '-n', WATCHED]
  const { stdout } = await stage.admin.must(
    [...args, ...as],
    input === undefined ? undefined : JSON.stringify(input),
  )
  return stdout
}
const create = (user: string, object: object) => kubectl(user, ['create', '-f', '-'], object)

/** Requesters of each pod on record whose name begins so, the newest last. */
async function requesters(prefix: string): Promise<readonly string[]> {
  const { items } = JSON.parse(await kubectl('admin', ['get', 'chains', '-o', 'json'])) as {
    items: {
      metadata: { name: string }
      spec: { rootRequester: { username: string }; coRequesters: { username: string }[] }
    }[]
  }
  return items
    .filter(({ metadata }) => metadata.name.startsWith(prefix))
    .map(({ spec }) =>
      [spec.rootRequester, ...spec.coRequesters].map(({ username }) => username).join('+'),
    )
}
const untilOneIs = (prefix: string, want: string) =>
  waitFor(`a pod ${prefix} of ${want}`, 90_000, async () =>
    (await requesters(prefix)).includes(want),
  )
const ownersOf = (what: string) =>
  kubectl('admin', ['get', what, '-o', 'jsonpath={.metadata.ownerReferences[*].name}'])

test('a Deployment runs a ReplicaSet that it was told to go back to for whoever wrote it, too', async () => {
  await create('carol', {
    apiVersion: APPS,
    kind: 'Deployment',
    metadata: { name: 'back' },
    spec: specOf({ app: 'back' }, 1, 3_600),
  })
  await untilOneIs('back-', 'carol')
  const annotations = { 'deployment.kubernetes.io/revision': '7' }
  await create('mallory', {
    apiVersion: APPS,
    kind: 'ReplicaSet',
    metadata: { name: 'back-old', labels: { app: 'back' }, annotations },
    spec: specOf({ app: 'back' }, 0, 3_601),
  })
  await waitFor('the adoption', 30_000, async () => (await ownersOf('rs/back-old')) === 'back')
  await kubectl('mallory', ['annotate', 'deploy/back', 'deprecated.deployment.rollback.to=7'])
  await untilOneIs('back-old-', 'mallory+carol')
  await kubectl('mallory', ['delete', 'rs', 'back-old', '--wait=false'])
  await untilOneIs('back-', 'carol+mallory')
  await kubectl('carol', ['delete', 'deploy', 'back', '--wait=false'])
})

test('a StatefulSet that adopted a revision makes pods for whoever wrote it, too', async () => {
  const set = (name: string, spec: object) => ({
    apiVersion: APPS,
    kind: 'StatefulSet',
    metadata: { name },
    spec: { ...spec, serviceName: 'none' },
  })
  await create('carol', set('kept', specOf({ app: 'kept' }, 1, 3_600)))
  await untilOneIs('kept-0', 'carol')
  const stray = specOf({ also: 'x' }, 0, 3_601)
  const { template } = specOf({ also: 'x', app: 'kept' }, 0, 3_601)
  await create('mallory', set('stray', { ...stray, template }))
  const revisions = () => kubectl('admin', ['get', 'controllerrevisions', '-l=also=x', '-o=name'])
  await waitFor('the revision', 30_000, async () => (await revisions()) !== '')
  const revision = (await revisions()).trim()
  await kubectl('mallory', ['delete', 'sts', 'stray', '--cascade=orphan'])
  await waitFor('the adoption', 60_000, async () => (await ownersOf(revision)) === 'kept')
  await kubectl('carol', ['delete', 'pod', 'kept-0'])
  await untilOneIs('kept-0', 'carol+mallory')
  await kubectl('carol', ['delete', 'sts', 'kept', '--wait=false'])
})

test('whoever restarts, scales or places a Deployment answers for none of its pods', async () => {
  const name = 'restarted'
  await create('carol', {
    apiVersion: APPS,
    kind: 'Deployment',
    metadata: { name },
    spec: specOf({ app: name }, 1, 3_600),
  })
  await kubectl('dave', ['rollout', 'restart', `deploy/${name}`])
  await kubectl('dave', ['scale', `deploy/${name}`, '--replicas=2'])
  await kubectl('dave', ['rollout', 'pause', `deploy/${name}`])
  await kubectl('dave', ['rollout', 'resume', `deploy/${name}`])
  await kubectl('dave', ['rollout', 'status', `deploy/${name}`, '--timeout=90s'])
  expect([...new Set(await requesters(`${name}-`))]).toEqual(['carol'])
  const log = await stage.admin.must([
    ...['logs', '-n', 'lanyard-system', 'statefulset/lanyard-control-plane', '--tail=400'],
  ])
  expect(log.stdout).toMatch(/"user":"dave"[^\n]*restartedAt[^\n]*Touched without/)
  await kubectl('carol', ['delete', 'deploy', name, '--wait=false'])
})
