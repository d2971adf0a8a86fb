import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { findGo, goEnvironment } from '../cluster/go-toolchain.ts'
import { REPOSITORY } from '../cluster/paths.ts'
import { mustRun } from '../cluster/run-command.ts'
import type { Answer } from '../demo/kubectl.ts'
import { AGENT_IMAGE } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'

/* Each example of examples/ as its README runs it. */

const AGENTS = 'example-agents'
const CI = 'example-ci'
const EXAMPLES = join(REPOSITORY, 'examples')
let stage: Stage

vi.setConfig({ testTimeout: 240_000 })

/** Who sets agents going: may work with pods and Jobs, and may not delete Deployments. */
const ERIN = ['--as=erin', '--as-group=system:authenticated', '--as-group=example-people']
const source = (path: string) => readFile(join(EXAMPLES, path), 'utf8')

beforeAll(async () => {
  stage = await theStage()
  await stage.admin.must(['delete', 'namespace', AGENTS, CI, '--ignore-not-found', '--wait'])
  const [namespace = '', account = '', binding = '', pod = ''] = (
    await source('agents/agent.yaml')
  ).split('---\n')
  await stage.admin.must(['apply', '-f', '-'], [namespace, account, binding].join('---\n'))
  await stage.admin.must(['apply', '-f', join(EXAMPLES, 'ci-runner/setup.yaml')])
  for (const where of [AGENTS, CI]) await allowErin(where)
  await stage.admin.must([...ERIN, 'apply', '-f', '-'], pod)
  const ready = ['wait', 'pod/agent', '-n', AGENTS, '--for=condition=Ready', '--timeout=120s']
  await stage.admin.must(ready)
})

afterAll(async () => {
  await stage?.admin.must(['delete', 'namespace', AGENTS, CI, '--wait=false'])
  await stage?.close()
})

async function allowErin(namespace: string): Promise<void> {
  const verbs = '--verb=get,list,watch,create,patch'
  const resources = '--resource=pods,pods/log,jobs,configmaps'
  await stage.admin.must(['create', 'role', 'people', '-n', namespace, verbs, resources])
  const bind = ['create', 'rolebinding', 'people', '-n', namespace, '--role=people']
  await stage.admin.must([...bind, '--group=example-people'])
}

const inPod = (command: readonly string[], input?: string): Promise<Answer> =>
  stage.admin.run(['exec', '-i', '-n', AGENTS, 'agent', '-c', 'agent', '--', ...command], input)

function expectAgent({ exitCode, stdout, text }: Answer): void {
  expect(exitCode, text).toBe(3)
  const [pods = '', log = '', refused = '', ask = ''] = stdout.trim().split('\n')
  expect(pods).toMatch(/^pods: .*\bagent\b/)
  expect(log.trim()).toBe('log: working done')
  expect(refused).toMatch(/^refused: .*\berin\b.*, decision [0-9A-Z]{26}$/)
  expect(ask).toBe('ask: may I delete the Deployment shop?')
}

describe('examples/agents', () => {
  const image = `JOB_IMAGE=${AGENT_IMAGE}`

  test.each([
    ['python', 'agent.py', ['python3', '-']],
    ['typescript', 'agent.ts', ['node', '--input-type=module-typescript', '-']],
    ['shell', 'agent.sh', ['sh', '-s']],
  ])(
    '%s lists, starts a Job, follows its log, and understands a refusal',
    async (folder, file, run) => {
      const program = await source(`agents/${folder}/${file}`)
      expectAgent(await inPod(['env', image, ...run], program))
    },
  )

  test('go lists, starts a Job, follows its log, and understands a refusal', async () => {
    const folder = join(EXAMPLES, 'agents/go')
    const log = () => undefined
    const go = await findGo(log)
    const binary = join(stage.folder, 'go-agent')
    const build = [go, 'build', '-trimpath', '-ldflags=-s -w', '-o', binary, '.']
    await mustRun(build, { cwd: folder, env: goEnvironment(go) })
    await stage.admin.must(['cp', binary, `${AGENTS}/agent:/tmp/agent`, '-c', 'agent'])
    expectAgent(await inPod(['env', image, '/tmp/agent']))
  })
})

describe('examples/approvals', () => {
  const ON_CALL = ['--as=oscar', '--as-group=system:authenticated', '--as-group=on-call']
  const requests = `/apis/access.lanyard.dev/v1alpha1/namespaces/${AGENTS}/accessrequests`

  beforeAll(async () => {
    await stage.admin.must(['apply', '-f', join(EXAMPLES, 'approvals/policy.yaml')])
    const binding = ['create', 'clusterrolebinding', 'example-approvers', '--group=on-call']
    await stage.admin.must([...binding, '--clusterrole=lanyard-approver'])
  })
  afterAll(async () => {
    const objects = ['clusterrolebinding/example-approvers', 'accesspolicy/example-approvals']
    await stage.admin.must(['delete', ...objects, '--ignore-not-found'])
  })

  /** Names and digests of what waits. */
  async function waiting(): Promise<readonly (readonly string[])[]> {
    const path = '{range .items[*]}{.metadata.name} {.spec.digest} {.spec.reason}{"\\n"}{end}'
    const selector = '--field-selector=status.phase=Pending'
    const list = ['get', 'accessrequests', '-n', AGENTS, selector, '-o', `jsonpath=${path}`]
    const { stdout } = await stage.admin.must(list)
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')]))
  }

  test.each([
    ['agent.py', ['python3', '-'], 'approve', 0, /^done: the notes are deleted$/m],
    ['agent.ts', ['node', '--input-type=module-typescript', '-'], 'approve', 0, /^done: /m],
    ['agent.py', ['python3', '-'], 'deny', 3, /^refused: .*keep them/m],
  ] as const)(
    '%s, run by %j, waits: people %s, and it exits %d',
    async (file, run, action, exitCode, says) => {
      const notes = ['create', 'deployment', 'notes', '-n', AGENTS, `--image=${AGENT_IMAGE}`]
      const dry = ['--replicas=0', '--dry-run=client', '-o', 'yaml']
      const { stdout: manifest } = await stage.admin.must([...notes, ...dry])
      await stage.admin.must(['apply', '-f', '-'], manifest)
      const running = inPod(run, await source(`approvals/${file}`))
      await expect.poll(waiting, { timeout: 60_000 }).toHaveLength(1)
      const [name = '', digest, ...reason] = (await waiting())[0] ?? []
      expect(reason.join(' ')).toBe('the notes are out of date')
      const body = {
        digest,
        reason: 'keep them',
        ...(action === 'approve' ? { scope: 'request' } : {}),
      }
      const answer = ['create', '--raw', `${requests}/${name}/${action}`, '-f', '-']
      await stage.admin.must([...ON_CALL, ...answer], JSON.stringify(body))
      const answered = await running
      expect(answered.stdout, answered.text).toContain(`held: ${name}`)
      expect(answered.stdout).toMatch(says)
      expect(answered.exitCode).toBe(exitCode)
    },
  )
})

test('examples/ci-runner builds for whoever created the Job', async () => {
  const created = await stage.admin.must([
    ...[...ERIN, 'create', '-o', 'name', '-f', join(EXAMPLES, 'ci-runner/build.yaml')],
  ])
  const job = created.stdout.trim()
  await stage.admin.must(['wait', job, '-n', CI, '--for=condition=Complete', '--timeout=120s'])
  const { stdout } = await stage.admin.must(['logs', job, '-n', CI, '-c', 'build'])
  expect(stdout.split('\n').filter((line) => /^(building|built|no Secrets)/.test(line))).toEqual([
    'building',
    'no Secrets for this person',
    'built',
  ])
  const chains = await stage.admin.must(['get', 'chains', '-n', CI, '-o', 'json'])
  const { items } = JSON.parse(chains.stdout) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string }
      readonly spec: { readonly rootRequester: { readonly username: string } }
    }[]
  }
  // Chains of an earlier run stay on record.
  const own = items.filter(({ metadata }) => metadata.name.startsWith(job.split('/')[1] ?? job))
  expect(own.map(({ spec }) => spec.rootRequester.username)).toEqual(['erin'])
})

test('examples/network-policy is taken by the API server', async () => {
  const file = join(EXAMPLES, 'network-policy/egress.yaml')
  const applied = await stage.admin.must(['apply', '-n', AGENTS, '-f', file, '--dry-run=server'])
  expect(applied.stdout).toContain('lanyard-egress created')
})
