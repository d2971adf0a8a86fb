import { existsSync, readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, startCluster, stopCluster } from '../cluster/cluster.ts'
import { waitFor } from '../cluster/control.ts'
import { describeCluster } from '../cluster/describe.ts'
import { mustRun } from '../cluster/run-command.ts'
import { createKubectl, type Kubectl } from '../demo/kubectl.ts'
import { pod } from '../demo/manifests.ts'

/* The harness itself: a cluster that works, ends without a trace, and starts again after a crash. */

const NAME = 'harness'
const log = (line: string) => process.stderr.write(`${line}\n`)
let cluster: Cluster
let kubectl: Kubectl
let before: readonly string[]

/** Everything that a cluster could leave on the machine. */
async function traces(): Promise<readonly string[]> {
  const links = await mustRun(['ip', '-o', 'link'])
  const mounts = await mustRun(['cat', '/proc/self/mountinfo'])
  const rules = await mustRun(['iptables-save'])
  const cgroups = await mustRun([
    'find',
    '/sys/fs/cgroup',
    '-type',
    'd',
    '-name',
    `lanyard-test-${NAME}`,
  ])
  const processes = await mustRun(['ps', '-eo', 'stat=,args='])
  const mine = processes.split('\n').filter((line) => line.includes(`lanyard-test/${NAME}`))
  return [
    ...links.split('\n').map((line) => line.split(': ')[1] ?? ''),
    ...mounts.split('\n').map((line) => line.split(' ').slice(3, 5).join(' ')),
    ...rules.split('\n').filter((line) => line.startsWith('-A')),
    ...cgroups.split('\n'),
    ...mine.filter((line) => !line.startsWith('Z')),
  ].sort()
}

beforeAll(async () => {
  await stopCluster(NAME)
  before = await traces()
  cluster = await startCluster({ name: NAME, log })
  kubectl = createKubectl({
    kubectlPath: cluster.kubectlPath,
    kubeconfig: cluster.adminKubeconfig,
    path: process.env['PATH'] ?? '',
  })
  await kubectl.must(['create', 'serviceaccount', 'agent'])
  await kubectl.must(['create', '-f', '-'], JSON.stringify(pod('default', 'agent', 'agent')))
  await kubectl.must(['wait', '--for=condition=Ready', 'pod/agent', '--timeout=60s'])
})

afterAll(() => stopCluster(NAME))

describe('npm run cluster -- up', () => {
  test('starts every component', async () => {
    expect(await describeCluster(NAME)).toMatchObject({ running: true })
  })

  test('resolves names inside', async () => {
    const name = 'kubernetes.default.svc.cluster.local'
    const answer = await kubectl.must(['exec', 'agent', '--', 'nslookup', name])
    expect(answer.stdout).toContain('Address: 10.96.0.1')
  })

  test('passes input and its end through an exec', async () => {
    const answer = await kubectl.must(
      ['exec', '-i', 'agent', '--', 'wc', '-c'],
      'x'.repeat(100_000),
    )
    expect(answer.stdout.trim()).toBe('100000')
  })

  test('follows a log', async () => {
    const answer = await kubectl.must(['logs', 'agent', '--tail=1'])
    expect(answer.stdout).toMatch(/^tick \d+\n$/)
  })

  test('knows a user by certificate and groups', async () => {
    const alice = createKubectl({
      kubectlPath: cluster.kubectlPath,
      kubeconfig: await cluster.kubeconfigFor('alice', ['one', 'two']),
      path: '',
    })
    const answer = await alice.must(['auth', 'whoami', '-o', 'json'])
    const { status } = JSON.parse(answer.stdout) as { status: { userInfo: object } }
    expect(status.userInfo).toMatchObject({
      username: 'alice',
      groups: ['one', 'two', 'system:authenticated'],
    })
  })

  test('starts a killed component again', async () => {
    await cluster.killComponent('kube-apiserver')
    expect((await kubectl.run(['get', 'nodes', '--request-timeout=2s'])).exitCode).not.toBe(0)
    await cluster.startComponent('kube-apiserver')
    await waitFor(
      'kube-apiserver',
      30_000,
      async () => (await kubectl.run(['get', 'nodes'])).exitCode === 0,
    )
    expect((await kubectl.must(['get', 'nodes'])).stdout).toContain('Ready')
  })
})

describe('npm run cluster -- down', () => {
  test('leaves no process, mount, interface, rule or cgroup', async () => {
    await cluster.stop()
    expect(await traces()).toEqual(before)
    expect(existsSync(cluster.paths.root)).toBe(false)
  })

  test('is not needed after a crash: up cleans what a killed run left', async () => {
    const crashed = await startCluster({ name: NAME, log })
    await mustRun(['pkill', '-KILL', '-f', `keeper.ts ${NAME}$`])
    const again = await startCluster({ name: NAME, log })
    expect(await describeCluster(NAME)).toMatchObject({ running: true })
    expect(readdirSync(crashed.paths.kubeconfigs)).toContain('admin-outside')
    await again.stop()
    expect(await traces()).toEqual(before)
  })
})
