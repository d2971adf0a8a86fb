import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitFor } from '../cluster/control.ts'
import type { Answer } from '../demo/kubectl.ts'
import { podSpec, WATCHED } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'

/* How people end chains, open full ones, and are told of by them. */

let stage: Stage

beforeAll(async () => {
  stage = await theStage()
})

afterAll(() => stage?.close())

/** kubectl of somebody who may everything, by a credential of their own. */
const as = (user: string, args: readonly string[], input?: object): Promise<Answer> =>
  stage.admin.run(
    ['--as', user, '--as-group=system:masters', '-n', WATCHED, ...args],
    input === undefined ? undefined : JSON.stringify(input),
  )

/** kubectl knows a plugin by the first word, before every flag. */
const asPlugin = (user: string, ...args: readonly string[]): Promise<Answer> =>
  stage.admin.run(['lanyard', ...args, '--as', user, '--as-group=system:masters', '-n', WATCHED])

async function must(user: string, args: readonly string[], input?: object): Promise<string> {
  const { exitCode, stdout, stderr } = await as(user, args, input)
  expect(exitCode, stderr).toBe(0)
  return stdout
}

const inside = (pod: string, ...argv: string[]) =>
  stage.admin.run(['exec', '-n', WATCHED, pod, '-c', 'main', '--', 'kubectl', ...argv])

async function startPodOf(user: string, name: string): Promise<void> {
  const spec = podSpec('builder', 3_600)
  await must(user, ['create', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec,
  })
  await must(user, ['wait', `pod/${name}`, '--for=condition=Ready', '--timeout=120s'])
}

interface Chain {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly rootRequester: { readonly username: string }
    readonly coRequesters: readonly { readonly username: string }[]
    readonly visitors: readonly { readonly username: string; readonly kinds: readonly string[] }[]
  }
}

async function chainsOf(prefix: string): Promise<readonly Chain[]> {
  const text = await must('admin', ['get', 'chains', '-o', 'json'])
  const { items } = JSON.parse(text) as { items: readonly Chain[] }
  return items.filter(({ metadata }) => metadata.name.startsWith(prefix))
}

const requestersOf = ({ spec }: Chain) =>
  [spec.rootRequester, ...spec.coRequesters].map(({ username }) => username)

test('kubectl lanyard revoke cuts an open watch, and what follows is refused and says why', async () => {
  await startPodOf('dave', 'left')
  let ended = false
  const watch = inside('left', 'get', 'configmaps', '--watch-only').then(() => {
    ended = true
  })
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  expect(ended).toBe(false)
  const revoke = ['lanyard', 'revoke', '--root', 'dave', '--reason', 'left the company']
  const made = await stage.admin.run([...revoke, '-o', 'name'])
  expect(made.exitCode, made.stderr).toBe(0)
  await waitFor('the end of the watch', 5_000, async () => ended)
  await watch
  const refused = await inside('left', 'get', 'configmaps')
  expect(refused.exitCode).not.toBe(0)
  expect(refused.stderr).toContain('Forbidden')
  expect(refused.stderr).toMatch(/revoked|ended/)
  await stage.admin.must(['delete', made.stdout.trim()])
  await must('dave', ['delete', 'pod', 'left', '--wait=false'])
})

test('a chain names who reached into its pod, and kubectl auth can-i tells what the chain may', async () => {
  const spec = podSpec('builder', 3_600)
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'visited' }, spec }
  await stage.alice.must(['create', '-n', WATCHED, '-f', '-'], JSON.stringify(pod))
  await must('admin', ['wait', 'pod/visited', '--for=condition=Ready', '--timeout=120s'])
  // Its service account may everything, alice may not.
  const listing = await inside('visited', 'auth', 'can-i', 'list', 'pods')
  expect(listing.stdout.trim()).toBe('yes')
  const reading = await inside('visited', 'auth', 'can-i', 'get', 'secrets')
  expect(reading.stdout).toMatch(/^no/)
  const all = await inside('visited', 'auth', 'can-i', '--list')
  expect(all.stdout).not.toMatch(/^\*\.\*\s/m)
  await must('erin', ['exec', 'visited', '-c', 'main', '--', 'true'])
  await waitFor('the visit on record', 10_000, async () => {
    const [chain] = await chainsOf('visited')
    return chain?.spec.visitors.some(({ username }) => username === 'erin') === true
  })
  await must('admin', ['delete', 'pod', 'visited', '--wait=false'])
})

test('nobody is kept from editing a Deployment: a full chain closes, and a reset opens it', async () => {
  const labels = { app: 'crowd' }
  const spec = {
    replicas: 0,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podSpec('builder', 3_600) },
  }
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'crowd' },
    spec,
  }
  await must('carol', ['create', '-f', '-'], deployment)
  const authors = Array.from({ length: 20 }, (_, index) => `author-${index}`)
  for (const author of authors) {
    await must(author, ['set', 'env', 'deploy/crowd', `AUTHOR=${author}`])
  }
  await must('carol', ['scale', 'deploy/crowd', '--replicas=1'])
  await must('carol', ['rollout', 'status', 'deploy/crowd', '--timeout=120s'])
  const [closed] = await chainsOf('crowd-')
  const name = closed?.metadata.name ?? ''
  const refused = await inside(name, 'get', 'pods')
  expect(refused.exitCode).not.toBe(0)
  expect(refused.stderr).toContain('kubectl lanyard reset')
  const reset = await asPlugin('carol', 'reset', 'deployment/crowd')
  expect(reset.exitCode, reset.stderr).toBe(0)
  // The ReplicaSet of before keeps its authors.
  await must('carol', ['rollout', 'restart', 'deploy/crowd'])
  await waitFor('a pod of carol alone', 60_000, async () =>
    (await chainsOf('crowd-')).some((chain) => requestersOf(chain).join() === 'carol'),
  )
  await must('carol', ['delete', 'deploy', 'crowd', '--wait=false'])
})
