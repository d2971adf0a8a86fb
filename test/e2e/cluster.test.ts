import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachCluster, type Cluster, startCluster, stopCluster } from '../cluster/cluster.ts'
import { waitFor } from '../cluster/control.ts'
import { describeCluster } from '../cluster/describe.ts'
import { harnessProcesses } from '../cluster/harness-processes.ts'
import { REPOSITORY } from '../cluster/paths.ts'
import { mustRun, runCommand } from '../cluster/run-command.ts'
import { createKubectl, type Kubectl } from '../demo/kubectl.ts'
import { pod } from '../demo/manifests.ts'

/* The harness itself: a cluster that works, ends without a trace, and starts again after a crash. */

const NAME = 'harness'
const HARNESS = join(REPOSITORY, 'test', 'cluster', 'main.ts')
const log = (line: string) => process.stderr.write(`${line}\n`)
let cluster: Cluster
let kubectl: Kubectl
let before: readonly string[]

/** Settings of the whole machine that kubelet, kube-proxy and the harness like to change. */
const SETTINGS = [
  '/proc/sys/vm/overcommit_memory',
  '/proc/sys/vm/panic_on_oom',
  '/proc/sys/kernel/panic',
  '/proc/sys/kernel/panic_on_oops',
  '/proc/sys/net/netfilter/nf_conntrack_max',
  '/sys/fs/cgroup/cgroup.subtree_control',
]

/** Everything that a cluster could leave on the machine. */
async function traces(): Promise<readonly string[]> {
  const links = await mustRun(['ip', '-o', 'link'])
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
  const rules = await mustRun(['iptables-save'])
  const cgroups = await mustRun(['find', '/sys/fs/cgroup', '-type', 'd'])
  const settings = SETTINGS.filter((path) => existsSync(path)).map(
    (path) => `${path} = ${readFileSync(path, 'utf8')}`,
  )
  const ours = /lanyard-test|kubepods|k8s\.io/
  return [
    ...links.split('\n').map((line) => line.split(': ')[1] ?? ''),
    ...mounts.split('\n').map((line) => line.split(' ').slice(3, 5).join(' ')),
    ...rules.split('\n').filter((line) => line.startsWith('-A')),
    ...cgroups.split('\n').filter((path) => ours.test(path)),
    ...commandLines().filter((line) => line.includes(`lanyard-test/${NAME}`)),
    ...settings,
  ].sort()
}

function commandLines(): readonly string[] {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return ids.map((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ')
    } catch {
      // It ended while we looked, so it is no trace.
      return ''
    }
  })
}

function kubectlOf(path: string): Kubectl {
  const { kubectlPath } = cluster
  return createKubectl({ kubectlPath, kubeconfig: path, path: process.env['PATH'] ?? '' })
}

/** Lines of a command that goes on, and what ends it. */
function follow(argv: readonly string[]): { lines: () => readonly string[]; child: ChildProcess } {
  const [command = '', ...args] = argv
  const env = { ...process.env, KUBECONFIG: cluster.adminKubeconfig }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    text += String(chunk)
  })
  return { lines: () => text.split('\n').slice(0, -1), child }
}

/** An `up` in a process of its own, with what it has said. */
function startUp(): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [HARNESS, 'up', '--name', NAME], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    text += String(chunk)
  })
  return { child, said: () => text }
}

beforeAll(async () => {
  await stopCluster(NAME)
  before = await traces()
  cluster = await startCluster({ name: NAME, log })
  kubectl = kubectlOf(cluster.adminKubeconfig)
  await kubectl.must(['create', 'serviceaccount', 'agent'])
  await kubectl.must(['create', '-f', '-'], JSON.stringify(pod('default', 'agent', 'agent')))
  const reader = ['create', 'clusterrolebinding', 'agent', '--clusterrole=view']
  await kubectl.must([...reader, '--serviceaccount=default:agent'])
  await kubectl.must(['wait', '--for=condition=Ready', 'pod/agent', '--timeout=60s'])
})

afterAll(() => stopCluster(NAME))

describe('npm run cluster -- up', () => {
  test('starts every component', async () => {
    expect(await describeCluster(NAME)).toMatchObject({ running: true })
  })

  test('keeps its state to root', async () => {
    expect(await mustRun(['stat', '-c', '%a', cluster.paths.root])).toBe('700\n')
    expect(await mustRun(['stat', '-c', '%a', cluster.adminKubeconfig])).toBe('600\n')
  })

  test('resolves names inside, in full and by the search path', async () => {
    const name = 'kubernetes.default.svc.cluster.local'
    const answer = await kubectl.must(['exec', 'agent', '--', 'nslookup', name])
    expect(answer.stdout).toContain('Address: 10.96.0.1')
    const lookup = 'require("dns").lookup("kubernetes.default",(e,a)=>console.log(a))'
    const short = await kubectl.must(['exec', 'agent', '--', 'node', '-e', lookup])
    expect(short.stdout).toBe('10.96.0.1\n')
  })

  test.each([
    { name: 'kubectl', argv: ['kubectl', 'get', 'pods', '-o', 'name'] },
    {
      name: 'Node',
      argv: [
        'node',
        '-e',
        `const k = require('@kubernetes/client-node'), c = new k.KubeConfig(); c.loadFromCluster()
         c.makeApiClient(k.CoreV1Api).listNamespacedPod({ namespace: 'default' })
           .then((list) => list.items.forEach((pod) => console.log('pod/' + pod.metadata.name)))`,
      ],
    },
    {
      name: 'Python',
      argv: [
        'python3',
        '-c',
        `from kubernetes import client, config
config.load_incluster_config()
for pod in client.CoreV1Api().list_namespaced_pod("default").items: print("pod/" + pod.metadata.name)`,
      ],
    },
  ])('gives the agent image a $name that works in a pod as it is', async ({ argv }) => {
    const answer = await kubectl.must(['exec', 'agent', '--', ...argv])
    expect(answer.stdout).toBe('pod/agent\n')
  })

  test('passes input and its end through an exec', async () => {
    const count = ['exec', '-i', 'agent', '--', 'wc', '-c']
    const answer = await kubectl.must(count, 'x'.repeat(1_000_000))
    expect(answer.stdout.trim()).toBe('1000000')
  })

  test('passes the exit code of an exec', async () => {
    const answer = await kubectl.run(['exec', 'agent', '--', 'sh', '-c', 'exit 7'])
    expect(answer.exitCode).toBe(7)
  })

  test('follows a log as it grows', async () => {
    const { lines, child } = follow([cluster.kubectlPath, 'logs', '-f', 'agent', '--tail=1'])
    await waitFor('three lines of the log', 20_000, () => lines().length >= 3)
    child.kill()
    expect(lines().slice(0, 3)).toEqual(lines().slice(0, 3).sort(byTick))
    expect(lines()[0]).toMatch(/^tick \d+$/)
  })

  test('streams a watch', async () => {
    const watch = [cluster.kubectlPath, 'get', 'configmaps', '-w', '-o', 'name']
    const { lines, child } = follow(watch)
    await waitFor('the first object', 20_000, () => lines().length > 0)
    await kubectl.must(['create', 'configmap', 'later'])
    await waitFor('the new object', 10_000, () => lines().includes('configmap/later'))
    child.kill()
    expect(lines()).toContain('configmap/later')
  })

  test('knows a user by certificate and groups, and keeps each kubeconfig', async () => {
    const grouped = await cluster.kubeconfigFor('alice', ['one', 'two'])
    const alone = await cluster.kubeconfigFor('alice', [])
    const whoami = async (path: string) => {
      const { stdout } = await kubectlOf(path).must(['auth', 'whoami', '-o', 'json'])
      return (JSON.parse(stdout) as { status: { userInfo: object } }).status.userInfo
    }
    const authenticated = 'system:authenticated'
    expect(await whoami(grouped)).toMatchObject({
      username: 'alice',
      groups: ['one', 'two', authenticated],
    })
    expect(await whoami(alone)).toMatchObject({ username: 'alice', groups: [authenticated] })
  })

  test('writes who asked what to the audit log, with an Audit-ID and no body', async () => {
    const alice = kubectlOf(await cluster.kubeconfigFor('alice', []))
    await alice.run(['get', 'secret', 'of-nobody'])
    const find = () => {
      const lines = readFileSync(cluster.auditLogPath, 'utf8').trim().split('\n')
      return lines.find((line) => line.includes('of-nobody')) ?? '{}'
    }
    await waitFor('the audit event', 10_000, () => find() !== '{}')
    const event = JSON.parse(find()) as Record<string, unknown>
    expect(event).toMatchObject({
      level: 'Metadata',
      stage: 'ResponseComplete',
      verb: 'get',
      user: { username: 'alice' },
      responseStatus: { code: 403 },
    })
    expect(event['auditID']).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('publishes the front proxy to extension API servers', async () => {
    const name = ['-n', 'kube-system', 'get', 'configmap', 'extension-apiserver-authentication']
    const { stdout } = await kubectl.must([...name, '-o', 'json'])
    const { data } = JSON.parse(stdout) as { data: Record<string, string> }
    expect(data).toMatchObject({
      'requestheader-allowed-names': '["front-proxy-client"]',
      'requestheader-username-headers': '["X-Remote-User"]',
    })
    expect(data['requestheader-client-ca-file']).toContain('BEGIN CERTIFICATE')
  })

  test('runs commands on the node, away from the machine', async () => {
    const { stdout } = await cluster.nodeExec(['ip', '-o', 'addr', 'show', 'cni0'])
    expect(stdout).toContain('10.88.0.1/16')
    expect(await mustRun(['ip', '-o', 'link'])).not.toContain('cni0')
  })

  test('starts a killed component again, and status tells the truth meanwhile', async () => {
    await cluster.killComponent('kube-scheduler')
    const killed = await describeCluster(NAME)
    expect(killed.running).toBe(false)
    expect(killed.components).toContainEqual({ name: 'kube-scheduler', pid: 0 })
    await cluster.startComponent('kube-scheduler')
    await cluster.restartComponent('kube-apiserver')
    expect((await kubectl.must(['get', 'nodes'])).stdout).toContain('Ready')
    expect(await describeCluster(NAME)).toMatchObject({ running: true })
  })

  test('leaves a cluster that runs as it is', async () => {
    const again = await mustRun([process.execPath, HARNESS, 'up', '--name', NAME])
    expect(again).toBe(`${cluster.adminKubeconfig}\n`)
    expect((await kubectl.must(['get', 'pod', 'agent', '-o', 'name'])).stdout).toBe('pod/agent\n')
  })

  test('runs a second cluster beside it, and starts it once though asked twice', async () => {
    const name = `${NAME}-2`
    const up = () => runCommand([process.execPath, HARNESS, 'up', '--name', name])
    const both = await Promise.all([up(), up()])
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0])
    const starts = both.filter(({ stderr }) => stderr.includes(`Starting the cluster ${name}`))
    expect(starts).toHaveLength(1)
    const other = await attachCluster(name)
    const nodes = await kubectlOf(other.adminKubeconfig).must(['get', 'pods', '-o', 'name'])
    expect(nodes.stdout).toBe('')
    await other.stop()
    expect((await kubectl.must(['get', 'pod', 'agent', '-o', 'name'])).stdout).toBe('pod/agent\n')
  })

  test.each([
    { name: 'an unknown command', argv: ['start'], says: /There is no command "start"/ },
    { name: 'an unknown flag', argv: ['up', '--fast'], says: /--fast/ },
    { name: 'no user', argv: ['kubeconfig'], says: /kubeconfig wants the name of a user/ },
    { name: 'an unknown format', argv: ['status', '-o', 'xml'], says: /table and json, not "xml"/ },
  ])('refuses $name and points at the help', async ({ argv, says }) => {
    const refused = mustRun([process.execPath, HARNESS, ...argv])
    await expect(refused).rejects.toThrow(says)
    await expect(refused).rejects.toThrow('ended with 2')
  })

  test.each([
    { name: 'a path as a name', argv: ['status', '--name', '../x'], says: /Cannot use "..\/x"/ },
    {
      name: 'a cluster that is not there',
      argv: ['load', 'x.tar', '--name', 'no'],
      says: /No clus/,
    },
    {
      name: 'an image that is not there',
      argv: ['load', '/no.tar', '--name', NAME],
      says: /no\.tar/,
    },
  ])('says what is wrong with $name', async ({ argv, says }) => {
    const refused = mustRun([process.execPath, HARNESS, ...argv])
    await expect(refused).rejects.toThrow(says)
    await expect(refused).rejects.toThrow('ended with 1')
  })
})

describe('npm run cluster -- down', () => {
  test('leaves no process, mount, interface, rule, cgroup, setting or file', async () => {
    await cluster.stop()
    expect(await traces()).toEqual(before)
    expect(existsSync(cluster.paths.root)).toBe(false)
    await expect(attachCluster(NAME)).rejects.toThrow(/No cluster called harness is running/)
  })

  test('is no error when there is nothing to end', async () => {
    await expect(stopCluster(NAME)).resolves.toBeUndefined()
  })
})

describe('npm run cluster -- up, after a crash,', () => {
  test('needs no cleaning up first when everything was killed', async () => {
    const crashed = await startCluster({ name: NAME, log })
    await writeFile(join(crashed.paths.root, 'left-behind'), '')
    for (const pid of await harnessProcesses(NAME)) process.kill(pid, 'SIGKILL')
    await waitFor('the end', 10_000, async () => (await harnessProcesses(NAME)).length === 0)
    expect(await describeCluster(NAME)).toMatchObject({ running: false, components: [] })
    const again = await startCluster({ name: NAME, log })
    expect(await describeCluster(NAME)).toMatchObject({ running: true })
    expect(existsSync(join(again.paths.root, 'left-behind'))).toBe(false)
    await again.stop()
    expect(await traces()).toEqual(before)
  })

  test('needs none either when whoever started a cluster for itself was killed', async () => {
    const module = join(REPOSITORY, 'test', 'cluster', 'cluster.ts')
    const program = `
      const { startCluster } = await import(${JSON.stringify(module)})
      await startCluster({ name: '${NAME}', log: () => {}, endsWithProcess: true })
      console.log('up')
      setInterval(() => {}, 1_000)`
    const args = ['--input-type=module', '-e', program]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    expect(await describeCluster(NAME)).toMatchObject({ running: true })
    child.kill('SIGKILL')
    await waitFor('the end', 10_000, async () => (await harnessProcesses(NAME)).length === 0)
    await stopCluster(NAME)
    expect(await traces()).toEqual(before)
  })

  test.each([
    { when: 'while the API server starts', saying: 'Starting kube-apiserver' },
    { when: 'while pods start', saying: 'Waiting for the node' },
  ])('starts again though it was itself killed $when', async ({ saying }) => {
    const { child, said } = startUp()
    await waitFor(saying, 60_000, () => said().includes(saying))
    child.kill('SIGKILL')
    // Nobody else ends them: a start that dies takes what it started with it.
    await waitFor('the end', 10_000, async () => (await harnessProcesses(NAME)).length === 0)
    const again = await startCluster({ name: NAME, log })
    expect(await describeCluster(NAME)).toMatchObject({ running: true })
    await again.stop()
    expect(await traces()).toEqual(before)
  })
})

function byTick(one: string, other: string): number {
  return Number(one.split(' ')[1]) - Number(other.split(' ')[1])
}
