import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Cluster } from '../cluster/cluster.ts'
import { REPOSITORY } from '../cluster/paths.ts'
import type { Answer } from '../demo/kubectl.ts'
import { AGENT_IMAGE } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'
import { readRecording, sessionsOf } from './recorded-session.ts'
import { makeTwoNamespaces, type TwoNamespaces, workerPod } from './two-namespaces.ts'

/*
 * A deny list on a real cluster: lines that are typed into real shells, and what new pods would run. What is denied does
 * not run, the caller is told, and what follows works.
 */

let cluster: Cluster
let stage: Stage
let two: TwoNamespaces

vi.setConfig({ testTimeout: 240_000 })

const POLICY = 'commands'
const SHELLS = '/shells'
const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespaces: ['*'] }

const DENY = {
  apiVersion: 'lanyard.dev/v1alpha1',
  kind: 'AccessPolicy',
  metadata: { name: POLICY },
  spec: {
    subjects: [{ kind: 'User', name: 'pat' }],
    rules: [
      { name: 'everything', effect: 'Allow', ...everything },
      {
        ...{ name: 'no-removal', effect: 'Allow', ...everything, apiGroups: [''] },
        resources: ['pods/exec', 'pods/attach'],
        commands: {
          deny: [
            ['rm', '**'],
            ['kubectl', 'delete', '**'],
          ],
        },
      },
    ],
  },
}

beforeAll(async () => {
  const staged = await theStage()
  stage = staged
  cluster = staged.cluster
  two = await makeTwoNamespaces(stage.admin, 'commands')
  await stage.admin.must(['apply', '-f', '-'], JSON.stringify(DENY))
  await stage.admin.must([
    ...['wait', '--for=condition=Accepted', `accesspolicy/${POLICY}`, '--timeout=60s'],
  ])
  await byPat([workerPod('agent', AGENT_IMAGE), withShells()])
  const ready = ['--for=condition=Ready', '--timeout=180s', 'pod/agent', 'pod/target']
  await stage.admin.must(['wait', '-n', two.watched, ...ready])
  for (const shell of ['dash', 'bash']) {
    const to = `target:${SHELLS}/${shell}`
    await stage.admin.must(['cp', '-n', two.watched, '-c', 'main', `/bin/${shell}`, to])
  }
})

afterAll(async () => {
  await stage?.admin.must(['delete', 'accesspolicy', POLICY, '--ignore-not-found'])
  await two?.remove()
  await stage?.close()
})

/** The pod `target`, with a folder for shells that its image does not have. */
function withShells(): object {
  const { spec, ...rest } = workerPod('target', AGENT_IMAGE) as {
    spec: { containers: object[] }
  }
  const volumes = [{ name: 'shells', emptyDir: {} }]
  const volumeMounts = [{ name: 'shells', mountPath: SHELLS }]
  const containers = spec.containers.map((container) => ({ ...container, volumeMounts }))
  return { ...rest, spec: { ...spec, volumes, containers } }
}

function byPat(items: readonly object[]): Promise<Answer> {
  const author = ['--as=pat', '--as-group=system:authenticated']
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  return stage.admin.must(['create', '-n', two.watched, ...author, '-f', '-'], list)
}

/** Runs a command in a pod as the administrator does, which no rule judges. */
function inPod(pod: string, command: readonly string[], input = ''): Promise<Answer> {
  const exec = ['exec', '-i', '-n', two.watched, pod, '-c', 'main', '--', ...command]
  return stage.admin.run(exec, input)
}

interface Got {
  readonly code: number
  readonly shown: string
  readonly said: string
}

interface Typing {
  readonly argv: readonly string[]
  readonly overWebSocket: boolean
  readonly input?: string
  readonly typed?: readonly string[]
}

/** What kubectl in the pod `agent` got, and the markers on record. */
async function type({ overWebSocket, ...how }: Typing) {
  const program = join(REPOSITORY, 'test/programs/python/run_client.py')
  const source = await readFile(program, 'utf8')
  const wanted = JSON.stringify({
    ...how,
    env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(overWebSocket) },
  })
  const { said, sessions } = await sessionsOf(stage.admin, two.watched, () =>
    inPod('agent', ['python3', '-c', source, wanted]),
  )
  const { others, ending } = await readRecording(cluster, sessions.at(-1))
  const markers = others.filter(({ kind }) => kind === 'marker').map(({ text }) => text)
  return { ...(JSON.parse(said.stdout) as Got), markers, ending }
}

const STOPPED = /lanyard: this line was not sent: .*rm.*commands\/no-removal/
const ROWS = [
  ["busybox's ash", 'sh', true],
  ["busybox's ash over SPDY", 'sh', false],
  ['dash', `${SHELLS}/dash`, true],
  ['bash', `${SHELLS}/bash`, true],
] as const

describe.each(ROWS)('a line that is typed into %s', (_name, shell, overWebSocket) => {
  const argv = (...flags: readonly string[]) => [
    ...['kubectl', 'exec', ...flags, 'target', '-c', 'main', '--', shell],
  ]
  const expectVictim = async () => {
    expect((await inPod('target', ['ls', '/tmp/victim'])).text).toBe('/tmp/victim\n')
  }

  test('in a terminal does not run when it is denied, and the next does', async () => {
    await inPod('target', ['touch', '/tmp/victim'])
    const typed = ['rm /tmp/victim\r', 'echo still-$((40+2))\r', 'exit 5\r']
    const got = await type({ argv: argv('-it'), overWebSocket, typed })
    expect(got).toMatchObject({ code: 5, shown: expect.stringMatching(STOPPED) })
    expect(got.shown).toContain('still-42')
    expect(got.markers).toEqual([expect.stringMatching(/^a typed line was not sent: .*rm/)])
    expect(got.ending).toBe('finished')
    await expectVictim()
  })

  test('without a terminal does not run when it is denied, and the next does', async () => {
    await inPod('target', ['touch', '/tmp/victim'])
    const lines = 'echo before\nrm /tmp/victim\necho still-$((40+2))\nexit 5\n'
    await inPod('agent', ['sh', '-c', 'printf %s "$1" >/tmp/lines', 'sh', lines])
    const got = await type({ argv: argv('-i'), overWebSocket, input: '/tmp/lines' })
    expect(got).toMatchObject({ code: 5, shown: 'before\nstill-42\n' })
    expect(got.said).toMatch(STOPPED)
    expect(got.markers).toHaveLength(1)
    await expectVictim()
  })
})

describe('what new pods would run', () => {
  const deployment = (name: string, container: object) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: AGENT_IMAGE, ...container }] },
      },
    },
  })
  const removes = deployment('removes', { command: ['sh', '-c'], args: ['ls; rm -rf /data'] })
  const looks = deployment('looks', { command: ['sh', '-c'], args: ['ls /'] })
  const create = (object: object, ...flags: readonly string[]) =>
    inPod('agent', ['kubectl', 'create', ...flags, '-f', '-'], JSON.stringify(object))
  const stored = async (name: string) =>
    (
      await stage.admin.must([
        'get',
        'deployment',
        name,
        '-n',
        two.watched,
        '-o',
        'json',
        '--ignore-not-found',
      ])
    ).stdout

  test.each([
    ['created', []],
    ['tried by --dry-run=server', ['--dry-run=server']],
  ])('is judged when it is %s', async (_name, flags) => {
    const refused = await create(removes, ...flags)
    expect(refused.exitCode).not.toBe(0)
    expect(refused.text).toMatch(/orbidden.*commands\/no-removal/s)
    expect(refused.text).toContain('spec.template.spec.containers[0] (main)')
    expect(refused.text).toContain('rm -rf /data')
    expect(await stored('removes')).toBe('')
    const allowed = await create(looks, '--dry-run=server')
    expect(allowed.text).toBe('deployment.apps/looks created (server dry run)\n')
    expect(await stored('looks')).toBe('')
  })

  test('cannot be read out of protobuf, which is refused with 415', async () => {
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount'
    const url = `https://kubernetes.default.svc/apis/apps/v1/namespaces/${two.watched}/deployments`
    const script = `curl -s -w '\\n%{http_code}' --cacert ${folder}/ca.crt \\
-H "Authorization: Bearer $(cat ${folder}/token)" -H 'Content-Type: application/vnd.kubernetes.protobuf' \\
--data-binary k8s ${url}`
    const { stdout } = await inPod('agent', ['sh', '-c', script])
    expect(stdout).toMatch(/"reason":"UnsupportedMediaType".*\n415$/s)
    expect(stdout).toContain('application/json')
  })

  test('is judged at admission, where a patch does not say it and what is stored does', async () => {
    await byPat([deployment('halves', { command: ['sh', '-c', 'ls; rm -rf /data'] })])
    const image = ['kubectl', 'set', 'image', 'deployment/halves', 'main=lanyard-test/other:1']
    const refused = await inPod('agent', image)
    expect(refused.exitCode).not.toBe(0)
    expect(refused.text).toMatch(/admission webhook .*commands\/no-removal.*rm -rf \/data/s)
    const { template } = JSON.parse(await stored('halves')).spec
    expect(template.spec.containers[0].image).toBe(AGENT_IMAGE)
  })
})
