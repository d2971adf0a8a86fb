import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseAccessPolicy } from '../../../core/policy/parse-access-policy.ts'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import {
  type AggregatingCluster,
  startAggregatingCluster,
} from '../../support/aggregating-cluster.ts'
import { NOON_MS } from '../../support/record-builders.ts'
import { type CliRun, runInMemory } from '../../support/run-cli.ts'
import { recordSamples } from '../../support/sample-records.ts'

const GOLDEN = resolve(import.meta.dirname, '../../golden/cli')
const KINDS = '/apis/lanyard.dev/v1alpha1'
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews'

let api: AccessApiFixture
let cluster: AggregatingCluster
let folder: string

beforeAll(async () => {
  api = await startAccessApi()
  cluster = await startAggregatingCluster(api)
  await recordSamples(api)
  folder = await mkdtemp(join(tmpdir(), 'lanyard-policy-'))
  await writeFile(join(folder, 'kubeconfig'), cluster.kubeconfig('alice'))
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text)
  const items = [parse(FILES['main.yaml']) as unknown]
  cluster.objects.set(`${KINDS}/accesspolicies`, { items })
  cluster.objects.set(REVIEWS, { status: { allowed: false } })
  for (const [plural, list] of Object.entries(ROLES))
    cluster.objects.set(`${RBAC}/${plural}`, { items: list })
})
afterAll(async () => {
  await cluster.close()
  await api.close()
  await rm(folder, { recursive: true, force: true })
})

const HEAD = 'apiVersion: lanyard.dev/v1alpha1\nkind: AccessPolicy\n'
const SUBJECTS = 'subjects: [{kind: User, name: alice}]'
const READ =
  '{name: read, effect: Allow, apiGroups: [""], resources: [pods, pods/log], verbs: [get, list], namespaces: [team]}'
const policy = (name: string, ...rules: readonly string[]) =>
  `${HEAD}metadata: {name: ${name}}\nspec:\n  ${SUBJECTS}\n  rules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`

const FILES = {
  'main.yaml': policy('alice', READ),
  'same.yaml': policy('renamed', READ.replace('[get, list]', '[list, get]')),
  'wider.yaml': policy('alice', READ.replace('[team]', '["*"]')),
  'narrower.yaml': policy(
    'alice',
    READ,
    '{name: none, effect: Deny, apiGroups: [""], resources: [pods/log], verbs: ["*"], namespaces: [team]}',
  ),
  'masked.yaml': policy(
    'alice',
    '{name: s, effect: Allow, apiGroups: [""], resources: [secrets], verbs: [get], namespaces: [team], mask: [secret-values]}',
  ),
  'unmasked.yaml': policy(
    'alice',
    '{name: s, effect: Allow, apiGroups: [""], resources: [secrets], verbs: [get], namespaces: [team]}',
  ),
  'broken.yaml': policy('alice', READ.replace('effect: Allow', 'effect: Perhaps')),
  'odd.yaml': policy(
    'alice',
    READ,
    '{name: again, effect: Allow, apiGroups: [""], resources: [pods], verbs: [get], namespaces: [team]}',
    '{name: typo, effect: Allow, apiGroups: [""], resources: [pods], verbs: [gets], namespaces: [team]}',
    '{name: named, effect: Allow, apiGroups: [""], resources: [configmaps], verbs: [create], namespaces: [team], resourceNames: [x]}',
    '{name: shell, effect: Allow, apiGroups: [""], resources: [pods/exec], verbs: [create], namespaces: [team]}',
    '{name: none, effect: Deny, apiGroups: [apps], resources: ["*"], verbs: ["*"], namespaces: ["*"]}',
    '{name: shadowed, effect: Allow, apiGroups: [apps], resources: [deployments], verbs: [get], namespaces: [team]}',
  ),
  'tests.yaml': `apiVersion: lanyard.dev/v1alpha1
kind: PolicyTest
policies: [main.yaml]
cases:
- {name: reads, root: alice, request: get pods web-1, namespace: team, expect: Allow, rule: alice/read}
- {name: writes nothing, root: alice, request: delete pods web-1, namespace: team, expect: Deny}
- {name: of bob RBAC says yes, root: bob, rbac: Allow, request: get pods, namespace: open, expect: Allow}
- {name: bob beside alice, root: alice, coRequesters: [bob], request: get pods, namespace: team, expect: Deny}
`,
  'failing.yaml': `kind: PolicyTest
policies: [main.yaml]
cases:
- {name: deletes, root: alice, request: delete pods web-1, namespace: team, expect: Allow}
`,
}

const ROLES = {
  clusterroles: [
    {
      metadata: { name: 'view' },
      rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
    },
  ],
  roles: [],
  clusterrolebindings: [],
  rolebindings: [
    {
      metadata: { name: 'viewers', namespace: 'team' },
      roleRef: { kind: 'ClusterRole', name: 'view' },
      subjects: [
        { kind: 'User', name: 'alice' },
        { kind: 'User', name: 'bob' },
        { kind: 'Group', name: 'ops' },
      ],
    },
  ],
}

function run(command: string): Promise<CliRun> {
  const words = command.split(' ').map((word) => (word in FILES ? join(folder, word) : word))
  return runInMemory(words, {
    env: { KUBECONFIG: join(folder, 'kubeconfig') },
    nowMs: NOON_MS + 60_000,
  })
}

function transcript(command: string, { stdout, stderr, exitCode }: CliRun): string {
  const errors = stderr === '' ? '' : `--- stderr\n${stderr}`
  const text = `$ kubectl lanyard ${command}\n${stdout}${errors}--- exit code ${exitCode}\n`
  return text.replaceAll(`${folder}/`, '')
}

test.each([
  ['policy-lint', 'policy lint main.yaml'],
  ['policy-lint-odd', 'policy lint odd.yaml broken.yaml'],
  ['policy-test', 'policy test tests.yaml'],
  ['policy-test-failing', 'policy test failing.yaml'],
  ['policy-diff-wider', 'policy diff main.yaml wider.yaml'],
  ['policy-diff-narrower', 'policy diff main.yaml narrower.yaml'],
  ['policy-diff-unmasked', 'policy diff masked.yaml unmasked.yaml -o yaml'],
  ['policy-suggest', 'policy suggest --root alice -A'],
  ['policy-replay', 'policy replay main.yaml -A'],
  ['can-i', 'can-i get pods web-1 --root alice'],
  ['can-i-no', 'can-i delete pods web-1 --root alice'],
  ['can-i-rbac', 'can-i get pods --root bob -o yaml'],
  ['can-i-pod', 'can-i get pods --pod build-x7k2'],
  ['who-can', 'who-can get pods'],
  ['who-can-nobody', 'who-can delete pods'],
  ['usage-can-i', 'can-i get pods'],
  ['help-policy', 'policy --help'],
  ['help-policy-lint', 'policy lint --help'],
  ['help-policy-test', 'policy test --help'],
  ['help-policy-diff', 'policy diff --help'],
  ['help-policy-suggest', 'policy suggest --help'],
  ['help-policy-replay', 'policy replay --help'],
  ['help-can-i', 'can-i --help'],
  ['help-who-can', 'who-can --help'],
])('%s is as it was', async (name, command) => {
  const found = await run(command)
  await expect(transcript(command, found)).toMatchFileSnapshot(join(GOLDEN, `${name}.txt`))
})

describe('exit codes', () => {
  test.each([
    ['policy lint main.yaml', 0],
    ['policy lint odd.yaml', 0],
    ['policy lint odd.yaml --strict', 1],
    ['policy lint broken.yaml', 1],
    ['policy test tests.yaml', 0],
    ['policy test failing.yaml', 1],
    ['policy test main.yaml', 1],
    ['policy diff main.yaml same.yaml', 0],
    ['policy diff main.yaml narrower.yaml', 0],
    ['policy diff narrower.yaml main.yaml', 1],
    ['policy diff main.yaml wider.yaml', 1],
    ['policy diff unmasked.yaml masked.yaml', 0],
    ['policy diff masked.yaml unmasked.yaml', 1],
    ['policy diff main.yaml broken.yaml', 1],
    ['can-i get pods --root alice', 0],
    ['can-i delete pods --root alice', 1],
    ['can-i get pods', 2],
    ['who-can get pods', 0],
  ])('%s: %i', async (command, want) => {
    expect((await run(command)).exitCode).toBe(want)
  })
})

test('policy suggest writes a policy that is valid and lets everything pass that passed', async () => {
  const { stdout, stderr } = await run('policy suggest --root alice -A')
  expect(parseAccessPolicy(parse(stdout))).toMatchObject({ ok: true })
  const [, again, passed] = /^(\d+) of (\d+) requests that passed would pass/.exec(stderr) ?? []
  expect(Number(passed)).toBeGreaterThan(0)
  expect(again).toBe(passed)
})
