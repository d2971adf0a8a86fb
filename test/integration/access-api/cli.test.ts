import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { buildPlugin } from '../../../deploy/plugin/build-plugin.ts'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import {
  type AggregatingCluster,
  startAggregatingCluster,
} from '../../support/aggregating-cluster.ts'
import { type BreakableProxy, startBreakableProxy } from '../../support/breakable-proxy.ts'
import { AGENT, aDecisionId, NOON_MS } from '../../support/record-builders.ts'
import { type CliRun, runInMemory } from '../../support/run-cli.ts'
import { recordSamples } from '../../support/sample-records.ts'

const GOLDEN = resolve(import.meta.dirname, '../../golden/cli')

const COMMANDS = [
  ...['approve', 'audit', 'backup', 'can-i', 'cancel', 'chain', 'check', 'completion', 'deny'],
  ...['explain', 'grants', 'notifications', 'policy', 'replay', 'request', 'requests', 'reset'],
  ...['revoke', 'sessions', 'version', 'who-can'],
]

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
  ['help-audit-export', 'audit export --help'],
  ['audit-export', 'audit export -A --until 2026-11-23T10:00:03Z'],
  ['audit-export-kubernetes', 'audit export -n team --format audit.k8s.io --effect deny'],
  ['audit-export-ocsf', 'audit export -n team --format ocsf --effect deny'],
  ['usage-export-limit', 'audit export --limit 5'],
  ['help-explain', 'explain --help'],
  ['help-check', 'check --help'],
  ['help-backup', 'backup --help'],
  ['help-replay', 'replay --help'],
  ['help-reset', 'reset --help'],
  ['help-sessions', 'sessions --help'],
  ['help-sessions-export', 'sessions export --help'],
  ['help-sessions-grep', 'sessions grep --help'],
  ['help-sessions-cut', 'sessions cut --help'],
  ['help-sessions-review', 'sessions review --help'],
  ['help-sessions-import', 'sessions import --help'],
  ['help-requests', 'requests --help'],
  ['help-request-show', 'request show --help'],
  ['help-request-wait', 'request wait --help'],
  ['help-approve', 'approve --help'],
  ['help-deny', 'deny --help'],
  ['help-cancel', 'cancel --help'],
  ['help-grants', 'grants --help'],
  ['help-notifications', 'notifications --help'],
  ['help-revoke', 'revoke --help'],
  ['help-version', 'version --help'],
  ['help-completion', 'completion --help'],
  ['chain-agent', 'chain agent'],
  ['chain-build', 'chain build-x7k2'],
  ['chain-far', 'chain far -n other'],
  ['chain-wide', 'chain build-x7k2 -o wide --utc'],
  ['chain-co-requesters', 'chain shared -o wide --utc'],
  ['chain-yaml', 'chain build-x7k2 -o yaml'],
  ['chain-json', 'chain agent -o json'],
  ['chain-name', 'chain pods/agent -o name'],
  ['chain-absent', 'chain pod/nobody'],
  ['audit', 'audit --utc'],
  ['audit-all-wide', 'audit -A -o wide --utc'],
  ['audit-deny', 'audit --effect deny --utc --no-headers'],
  ['audit-filters', 'audit -A --pod third --verb list --resource jobs --root alice --utc'],
  ['audit-since', 'audit --since 57s --limit 2 --utc'],
  ['audit-none', 'audit --pod nobody'],
  ['audit-json', 'audit --limit 1 -o json'],
  ['audit-yaml', 'audit --limit 1 -o yaml'],
  ['audit-name', 'audit -o=name --resource pods'],
  ['audit-wide', 'audit -o wide --pod shared --utc'],
  ['audit-json-none', 'audit --pod nobody -o json'],
  ['audit-yaml-none', 'audit --pod nobody -o yaml'],
  ['audit-group', 'audit --resource deployments.apps --utc'],
  ['audit-other-group', 'audit --resource deployments.extensions'],
  ['audit-subresource', 'audit --resource serviceaccounts/token --utc'],
  ['audit-no-resource', 'audit --resource <none> --utc'],
  ['audit-singular', 'audit --resource secret'],
  ['audit-effect-as-listed', 'audit --effect Deny --limit 1 --utc'],
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
  ['explain-json', `explain ${aDecisionId(4)} -o json`],
  ['explain-yaml', `explain ${aDecisionId(4)} -o yaml`],
  ['explain-name', `explain ${aDecisionId(4)} -o name`],
  ['explain-not-an-id', 'explain pods'],
  ['version', 'version'],
  ['version-client', 'version --client --kubeconfig absent'],
  ['version-unreachable', 'version --kubeconfig absent'],
  ['version-json', 'version -o json'],
  ['usage-unknown-command', 'tree agent'],
  ['usage-unknown-option', 'audit --colour'],
  ['usage-misspelt-option', 'audit --efect deny'],
  ['usage-bad-duration', 'audit --since soon'],
  ['usage-bad-limit', 'audit --limit 1000000'],
  ['usage-bad-effect', 'audit --effect none'],
  ['usage-bad-resource', 'audit --resource /exec'],
  ['usage-empty-filter', 'audit --root '],
  ['usage-empty-pod', 'chain '],
  ['usage-empty-namespace', 'chain agent -n '],
  ['usage-no-pod', 'chain deployment/web'],
  ['usage-reset-pod', 'reset pod/agent'],
  ['usage-revoke-account', 'revoke --root bot --root-kind ServiceAccount --reason x'],
  ['usage-reset-generation', 'reset deploy/web --generation 0'],
  ['usage-check-name', 'check -o name'],
  ['usage-json', 'audit --colour -o json'],
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
    expect(absent.stderr).toContain('--set image.registry=REGISTRY')
    for (const command of ['chain agent', 'version']) {
      const answer = await run(`${command} --kubeconfig ${join(folder, 'absent')}`)
      expect(answer).toMatchObject({ exitCode: 1, stderr: absent.stderr })
    }
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

describe('runCli() takes the way to the cluster from options', () => {
  let proxy: BreakableProxy

  beforeAll(async () => {
    proxy = await startBreakableProxy(api)
  })

  afterAll(() => proxy.close())

  test('--server over plain http, without a kubeconfig', async () => {
    const args = ['chain', 'agent', '-n', 'team', '--server', proxy.url]
    const answer = await runInMemory(args, { env: { HOME: folder } })
    expect(answer).toMatchObject({ exitCode: 0, stderr: '' })
    expect(answer.stdout).toContain('alice (User, root requester)\n└─ pod team/agent')
  })

  test('--server, which must be an address', async () => {
    const answer = await run('audit --server localhost:8001')
    expect(answer).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('"localhost:8001" is no address of a server'),
    })
  })

  test('a kubeconfig with plain http, which gets no credential', async () => {
    const config = cluster.kubeconfig('alice').replace(cluster.url, proxy.url)
    await writeFile(join(folder, 'plain'), config)
    const answer = await run(`audit --limit 1 --kubeconfig ${join(folder, 'plain')}`)
    expect(answer).toMatchObject({ exitCode: 0 })
    expect(proxy.lastHeaders()).not.toHaveProperty('authorization')
  })

  test('--as and --as-group', async () => {
    await run(`audit --server ${proxy.url} --as bob --as-group ops --as-group dev`)
    expect(proxy.lastHeaders()).toMatchObject({
      'impersonate-user': 'bob',
      'impersonate-group': 'ops, dev',
    })
  })

  test('--token in the place of the login', async () => {
    expect(await run('chain agent --token carol-token', 'dave')).toMatchObject({
      exitCode: 0,
      stderr: 'What the pod has launched is not shown: you may not list chains.\n',
    })
  })

  test('-v to tell of requests, without their queries', async () => {
    const { stderr } = await run('audit --pod nobody -v=6')
    expect(stderr).toMatch(
      /^GET https:\/\/\S+\/namespaces\/team\/auditevents 200 in \d+ ms\nNo such decisions/,
    )
    const away = await run('audit --server https://127.0.0.1:1 -v 8')
    expect(away.stderr).toMatch(/auditevents failed in \d+ ms\nerror: Cannot reach/)
  })
})

describe('complete()', () => {
  test.each([
    ['', COMMANDS],
    ['ch', ['chain', 'check']],
    ['-n team ex', ['explain']],
    ['chain ', ['agent', 'build-x7k2', 'shared', 'third']],
    ['chain -o json b', ['build-x7k2']],
    ['chain -n other ', ['far']],
    ['chain agent ', []],
    ['explain ', []],
    ['audit --effect ', ['allow', 'deny', 'hold']],
    ['audit --effect d', ['deny']],
    ['audit -o ', ['json', 'name', 'wide', 'yaml']],
    ['audit --pod x --fol', ['--follow']],
    ['audit --no-', ['--no-color', '--no-headers']],
    ['completion z', ['zsh']],
    ['sessions ', ['cut', 'export', 'grep', 'import', 'review']],
    ['sessions export --format ', ['raw', 'v2', 'v3']],
    ['nothing ', COMMANDS],
  ])('offers after %j', async (line, want) => {
    const { stdout, stderr, exitCode } = await run(`__complete ${line}`)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.pop()).toBe(':4')
    expect(lines.map((each) => each.split('\t')[0]).sort()).toEqual(want)
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  })

  test('offers nothing where the cluster tells nothing', async () => {
    expect(await run('__complete chain ', 'dave')).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: ':4\n',
    })
    expect((await run('__complete --request-timeout soon chain ')).stdout).toBe(':4\n')
  })
})

test('runAudit() writes the same list as JSON and as YAML', async () => {
  const [json, yaml] = await Promise.all([run('audit -A -o json'), run('audit -A -o yaml')])
  expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout))
  expect(JSON.parse(json.stdout)).toMatchObject({ items: { length: 8 } })
})

test('runCli() colours a terminal, and no other', async () => {
  const env = { KUBECONFIG: join(folder, 'alice') }
  const colour = '\u001b['
  const args = ['audit', '--effect', 'deny']
  expect((await runInMemory(args, { env, isTTY: true })).stdout).toContain(colour)
  expect((await runInMemory(args, { env })).stdout).not.toContain(colour)
  expect((await runInMemory([...args, '--no-color'], { env, isTTY: true })).stdout).not.toContain(
    colour,
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

  test('is completed by bash', async () => {
    const script = [
      'source <(kubectl-lanyard completion bash)',
      'COMP_WORDS=(kubectl-lanyard chain -n team b) COMP_CWORD=4',
      '_lanyard; declare -p COMPREPLY',
      'complete -p kubectl-lanyard',
    ].join('\n')
    const { stdout } = await promisify(execFile)('bash', ['-c', script], {
      env: {
        PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
        KUBECONFIG: join(folder, 'alice'),
      },
    })
    expect(stdout).toBe(
      'declare -a COMPREPLY=([0]="build-x7k2")\ncomplete -F _lanyard kubectl-lanyard\n',
    )
  })

  test.each([
    {
      shell: 'fish',
      script: [
        'kubectl-lanyard completion fish | source',
        "complete -C 'kubectl-lanyard chain -n team b'",
      ],
    },
    {
      shell: 'zsh',
      // What its completion system would do: call the function, and be told what there is.
      script: [
        'compdef() { :; }; _describe() { print -l -- $choices; }',
        'source <(kubectl-lanyard completion zsh)',
        'words=(kubectl-lanyard chain -n team b) CURRENT=5 _lanyard',
      ],
    },
  ])('is completed by $shell', async ({ shell, script }) => {
    const { stdout } = await promisify(execFile)(shell, ['-c', script.join('\n')], {
      env: {
        HOME: folder,
        PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
        KUBECONFIG: join(folder, 'alice'),
      },
    })
    expect(stdout.trim()).toBe('build-x7k2')
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
