import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildPlugin } from '../../../cli/build.ts'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import {
  type AggregatingCluster,
  startAggregatingCluster,
} from '../../support/aggregating-cluster.ts'
import { AGENT, aDecisionId, NOON_MS } from '../../support/record-builders.ts'
import { type CliRun, runInMemory } from '../../support/run-cli.ts'
import { recordSamples } from '../../support/sample-records.ts'

const GOLDEN = resolve(import.meta.dirname, '../../golden/cli')

let api: AccessApiFixture
let cluster: AggregatingCluster
let folder: string

beforeAll(async () => {
  api = await startAccessApi({
    authorize: async ({ username }, { verb, namespace }) =>
      username === 'alice' ||
      (username === 'bob' && namespace === 'team') ||
      (username === 'carol' && namespace === 'team' && verb === 'get'),
  })
  cluster = await startAggregatingCluster(api)
  await recordSamples(api)
  folder = await mkdtemp(join(tmpdir(), 'lanyard-cli-'))
  for (const user of ['alice', 'bob', 'carol', 'dave']) {
    await writeFile(join(folder, user), cluster.kubeconfig(user))
  }
})

afterAll(async () => {
  await cluster.close()
  await api.close()
  await rm(folder, { recursive: true, force: true })
})

function run(command: string, user = 'alice'): Promise<CliRun> {
  return runInMemory(command.split(' '), {
    env: { KUBECONFIG: join(folder, user) },
    nowMs: NOON_MS + 60_000,
  })
}

/** What a reader of the golden file sees: the command and everything that it wrote. */
function transcript(command: string, { stdout, stderr, exitCode }: CliRun): string {
  const errors = stderr === '' ? '' : `--- stderr\n${stderr}`
  return `$ kubectl lanyard ${command}\n${stdout}${errors}--- exit code ${exitCode}\n`
}

test.each([
  ['help', '--help'],
  ['help-chain', 'chain --help'],
  ['help-audit', 'audit --help'],
  ['help-explain', 'explain --help'],
  ['help-check', 'check --help'],
  ['chain-agent', 'chain agent'],
  ['chain-build', 'chain build-x7k2'],
  ['chain-far', 'chain far -n other'],
  ['chain-wide', 'chain build-x7k2 -o wide --utc'],
  ['chain-co-requesters', 'chain shared -o wide --utc'],
  ['chain-yaml', 'chain build-x7k2 -o yaml'],
  ['chain-json', 'chain agent -o json'],
  ['chain-absent', 'chain nobody'],
  ['audit', 'audit --utc'],
  ['audit-all-wide', 'audit -A -o wide --utc'],
  ['audit-deny', 'audit --effect deny --utc --no-headers'],
  ['audit-filters', 'audit -A --pod third --verb list --resource jobs --root alice --utc'],
  ['audit-since', 'audit --since 57s --limit 2 --utc'],
  ['audit-none', 'audit --pod nobody'],
  ['audit-json', 'audit --limit 1 -o json'],
  ['explain-allowed', `explain ${aDecisionId(1)} --utc`],
  ['explain-rbac', `explain ${aDecisionId(2)} --utc`],
  ['explain-open', `explain ${aDecisionId(3)} --utc`],
  ['explain-guard', `explain ${aDecisionId(4)} --utc`],
  ['explain-observed', `explain ${aDecisionId(5)} --utc`],
  ['explain-policy', `explain ${aDecisionId(6)} --utc`],
  ['explain-ancestor', `explain ${aDecisionId(7).toLowerCase()} --utc`],
  ['explain-path', `explain ${aDecisionId(8)} --utc`],
  ['explain-prefix', `explain ${aDecisionId(2).slice(0, 10)} --utc`],
  ['explain-ambiguous', `explain ${aDecisionId(2).slice(0, 7)} --utc`],
  ['explain-unknown', `explain ${aDecisionId(77)}`],
  ['explain-not-an-id', 'explain pods'],
  ['usage-unknown-command', 'tree agent'],
  ['usage-unknown-option', 'audit --colour'],
  ['usage-bad-duration', 'audit --since soon'],
  ['usage-bad-limit', 'audit --limit 0'],
  ['usage-missing-argument', 'chain'],
  ['usage-yaml-follow', 'audit -f -o yaml'],
])('runCli() %s', async (name, command) => {
  const text = transcript(command, await run(command))
  await expect(text.replaceAll(cluster.url, 'https://cluster')).toMatchFileSnapshot(
    join(GOLDEN, `${name}.txt`),
  )
})

test.each([
  ['a wider look that is not allowed', 'bob', 'chain agent'],
  ['get alone', 'carol', 'chain agent'],
  ['one decision by get alone', 'carol', `explain ${aDecisionId(2)} --utc`],
  ['nothing allowed', 'dave', 'audit'],
  ['nothing allowed, as JSON', 'dave', 'audit -o json'],
  ['another user by --as', 'dave', 'chain agent --as bob'],
])('runCli() with %s', async (name, user, command) => {
  const text = transcript(command, await run(command, user))
  await expect(text).toMatchFileSnapshot(
    join(GOLDEN, `as-${user}-${name.replaceAll(/[^a-z]+/gi, '-').toLowerCase()}.txt`),
  )
})

describe('runCli() says what to do', () => {
  test('without a kubeconfig', async () => {
    const answer = await runInMemory(['audit'], { env: { HOME: folder } })
    expect(answer).toMatchObject({ exitCode: 1, stdout: '' })
    expect(answer.stderr).toContain('There is no kubeconfig')
  })

  test('with a context that is not there', async () => {
    const answer = await run('audit --context production')
    expect(answer.stderr).toBe(
      'error: There is no context "production" in the kubeconfig; there are: test\n',
    )
  })

  test('with a file that is no kubeconfig', async () => {
    await writeFile(join(folder, 'broken'), '{')
    const answer = await run(`audit --kubeconfig ${join(folder, 'broken')}`)
    expect(answer).toMatchObject({ exitCode: 1 })
    expect(answer.stderr).toContain('Cannot read the kubeconfig')
  })

  test('when the cluster cannot be reached', async () => {
    const config = cluster.kubeconfig('alice').replace(cluster.url, 'https://127.0.0.1:1')
    await writeFile(join(folder, 'away'), config)
    const answer = await run(`audit --kubeconfig ${join(folder, 'away')}`)
    expect(answer).toMatchObject({ exitCode: 1, stdout: '' })
    expect(answer.stderr).toContain(
      'Cannot reach the cluster at https://127.0.0.1:1 (context test): the connection was refused',
    )
  })

  test('when the cluster does not take the credentials', async () => {
    const config = cluster.kubeconfig('alice').replace('alice-token', 'wrong')
    await writeFile(join(folder, 'stranger'), config)
    const answer = await run(`audit --kubeconfig ${join(folder, 'stranger')}`)
    expect(answer.stderr).toContain('does not accept the credentials of context test')
  })

  test('when Lanyard is not installed', async () => {
    const bare = await startAggregatingCluster({ ...api, port: 1 })
    await writeFile(join(folder, 'bare'), bare.kubeconfig('alice'))
    const away = await run(`audit --kubeconfig ${join(folder, 'bare')}`)
    expect(away.stderr).toContain("Lanyard's API does not answer (service unavailable)")
    await bare.close()
    const config = cluster.kubeconfig('alice').replace(cluster.url, `${cluster.url}/other`)
    await writeFile(join(folder, 'absent'), config)
    const absent = await run(`audit --kubeconfig ${join(folder, 'absent')}`)
    expect(absent).toMatchObject({ exitCode: 1 })
    expect(absent.stderr).toContain('Lanyard is not installed in this cluster')
  })

  test('when nothing answers in time', async () => {
    const { createServer } = await import('node:net')
    const silent = createServer()
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done))
    const { port } = silent.address() as { port: number }
    await writeFile(
      join(folder, 'silent'),
      cluster.kubeconfig('alice').replace(cluster.url, `https://127.0.0.1:${port}`),
    )
    const answer = await run(`audit --request-timeout 200ms --kubeconfig ${join(folder, 'silent')}`)
    silent.close()
    expect(answer.stderr).toContain('nothing answered in time')
  })
})

test('runCli() colours a terminal, and no other', async () => {
  const env = { KUBECONFIG: join(folder, 'alice') }
  const colour = '\u001b['
  const args = ['audit', '--effect', 'deny']
  expect((await runInMemory(args, { env, isTTY: true })).stdout).toContain(colour)
  expect((await runInMemory(args, { env })).stdout).not.toContain(colour)
  expect((await runInMemory([...args, '--no-color'], { env, isTTY: true })).stdout).not.toContain(
    escape,
  )
  const plain = { ...env, NO_COLOR: '1' }
  expect((await runInMemory(args, { env: plain, isTTY: true })).stdout).not.toContain(colour)
})

describe('buildPlugin()', () => {
  let plugin: string

  beforeAll(async () => {
    plugin = join(folder, 'bin', 'kubectl-lanyard')
    await buildPlugin(plugin)
  })

  test('makes one file that runs', async () => {
    const { stdout } = await promisify(execFile)(plugin, ['chain', 'agent'], {
      env: { ...process.env, KUBECONFIG: join(folder, 'alice') },
    })
    expect(stdout).toContain('alice (User, root requester)\n└─ pod team/agent')
  })

  test('follows decisions as JSON lines until it is ended', async () => {
    const child = execFile(plugin, ['audit', '-f', '-o', 'json', '--limit', '1', '-A'], {
      env: { ...process.env, KUBECONFIG: join(folder, 'alice') },
    })
    let text = ''
    child.stdout?.on('data', (chunk: string) => {
      text += chunk
    })
    await expect.poll(() => text, { timeout: 10_000 }).toContain(aDecisionId(8).toLowerCase())
    const { aDecision, anOutcome } = await import('../../support/record-builders.ts')
    await api.auditEvents.append(aDecision(40))
    await expect.poll(() => text, { timeout: 10_000 }).toContain('"phase":"Open"')
    await api.auditEvents.complete(AGENT.podUid, aDecisionId(40), anOutcome(40))
    await expect.poll(() => text.trim().split('\n').length, { timeout: 10_000 }).toBe(3)
    child.kill('SIGINT')
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { status: { phase: string } })
    expect(lines.map(({ status }) => status.phase)).toEqual(['Complete', 'Open', 'Complete'])
  })
})
