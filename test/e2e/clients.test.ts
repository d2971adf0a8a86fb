import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ensureKubectl } from '../cluster/binaries.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { OLDEST_KUBERNETES } from '../cluster/kubernetes-versions.ts'
import { REPOSITORY } from '../cluster/paths.ts'
import { AGENT_IMAGE } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { buildGo } from '../programs/build-go.ts'
import { theStage } from './cluster-setup.ts'
import { type Digest, type RecordedSession, readRecording, sessionsOf } from './recorded-session.ts'
import { makeTwoNamespaces, type TwoNamespaces, workerPod } from './two-namespaces.ts'

/*
 * Every client in a protected pod, over every protocol that it speaks: what is on record of its session is byte for byte
 * what the client got, and what it sent where that is recorded too.
 */

let cluster: Cluster
let stage: Stage
let two: TwoNamespaces
/** Of `/tmp/payload`, of all byte values, and of `/tmp/text` in the pod `target`. */
let payload: Digest
let text: Digest
/** Of `/tmp/sent` in the pod `agent`. */
let sent: Digest

vi.setConfig({ testTimeout: 240_000 })

const OLDEST = `/tmp/kubectl-${OLDEST_KUBERNETES}`
const log = (line: string) => void process.stderr.write(`${line}\n`)

beforeAll(async () => {
  const [oldest, go] = [await ensureKubectl(OLDEST_KUBERNETES, log), await buildGo(log)]
  const staged = await theStage()
  stage = staged
  cluster = staged.cluster
  two = await makeTwoNamespaces(stage.admin, 'clients')
  await stage.admin.must(['apply', '-f', '-'], JSON.stringify(ON_RECORD))
  const pods = ['agent', 'target'].map((name) => workerPod(name, AGENT_IMAGE))
  await create([...pods, ...ATTACHED.map(attachedPod)])
  const names = ['agent', 'target', ...ATTACHED].map((name) => `pod/${name}`)
  const ready = ['wait', '-n', two.watched, '--for=condition=Ready', '--timeout=180s', ...names]
  await stage.admin.must(ready)
  for (const [from, to] of [
    [oldest, OLDEST],
    [join(go, 'client'), '/tmp/goclient'],
  ] as const) {
    await stage.admin.must(['cp', '-n', two.watched, '-c', 'main', from, `agent:${to}`])
  }
  await inPod('target', ['python3', '-c', MAKE_PAYLOAD])
  await inPod('agent', ['sh', '-c', 'head -c 1048576 /dev/urandom >/tmp/sent'])
  payload = await digestOf('target', '/tmp/payload')
  text = await digestOf('target', '/tmp/text')
  sent = await digestOf('agent', '/tmp/sent')
})

afterAll(async () => {
  await stage?.admin.must(['delete', 'accesspolicy', 'clients', '--ignore-not-found'])
  await two?.remove()
  await stage?.close()
})

const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespaces: ['*'] }
const TUNNELS = ['pods/exec', 'pods/attach', 'pods/portforward']

/** What is typed is recorded as well. */
const ON_RECORD = {
  apiVersion: 'lanyard.dev/v1alpha1',
  kind: 'AccessPolicy',
  metadata: { name: 'clients' },
  spec: {
    subjects: [{ kind: 'User', name: 'pat' }],
    rules: [
      { name: 'everything', effect: 'Allow', ...everything },
      {
        ...{ name: 'on-record', effect: 'Allow', ...everything, apiGroups: [''] },
        ...{ resources: TUNNELS, record: 'all' },
      },
    ],
  },
}

const MAKE_PAYLOAD = `import random
random = random.Random(7)
open('/tmp/payload', 'wb').write(random.randbytes(3_000_000))
open('/tmp/text', 'w').write(''.join(random.choices('abcdefgh \\n', k=300_000)))`

/** A pod for each client that attaches; its container says its piece once it has read a line, and ends. */
const ATTACHED = ['attached-websocket', 'attached-spdy'] as const

function attachedPod(name: string): object {
  // What is not sent when a container ends is lost.
  const script = 'read line; echo "got $line"; seq 40000; echo oops >&2; sleep 5; exit 3'
  const main = { name: 'main', image: AGENT_IMAGE, imagePullPolicy: 'IfNotPresent' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      ...{ serviceAccountName: 'worker', restartPolicy: 'Never', terminationGracePeriodSeconds: 1 },
      containers: [{ ...main, stdin: true, stdinOnce: true, command: ['sh', '-c', script] }],
    },
  }
}

function create(items: readonly object[]): Promise<unknown> {
  const author = ['--as=pat', '--as-group=system:authenticated']
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  return stage.admin.must(['create', '-n', two.watched, ...author, '-f', '-'], list)
}

/** Runs a command in a pod as the administrator does, outside of what is recorded. */
async function inPod(pod: string, command: readonly string[], input = ''): Promise<string> {
  const exec = ['exec', '-i', '-n', two.watched, pod, '-c', 'main', '--', ...command]
  return (await stage.admin.must(exec, input)).stdout
}

async function digestOf(pod: string, path: string): Promise<Digest> {
  const said = await inPod(pod, ['python3', '-c', DIGEST, path])
  return JSON.parse(said) as Digest
}

const DIGEST = `import hashlib, json, sys
data = open(sys.argv[1], 'rb').read()
print(json.dumps({'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()}))`

/** What a client says that it got. */
interface Got {
  readonly output: Digest
  readonly error_output: Digest
  readonly code: number
  /** The end of its error output, for a failure's message. */
  readonly said?: string
}

interface Ran {
  /** What it printed last, as JSON. */
  readonly got: Got
  /** Of the session that began last. */
  readonly recorded: RecordedSession
}

/** Runs a client in the pod `agent`, which says what it got as JSON, and reads its last session. */
async function run(command: readonly string[]): Promise<Ran> {
  const act = () => inPod('agent', command)
  const { said, sessions } = await sessionsOf(stage.admin, two.watched, act)
  const got = JSON.parse(said.slice(said.lastIndexOf('\n{') + 1)) as Got
  return { got, recorded: await readRecording(cluster, sessions.at(-1)) }
}

const source = (path: string) => readFile(join(REPOSITORY, 'test/programs', path), 'utf8')

interface KubectlRun {
  readonly argv: readonly string[]
  readonly overWebSocket: boolean
  readonly input?: string
  readonly typed?: readonly string[]
}

async function runKubectl({ overWebSocket, ...how }: KubectlRun): Promise<Ran> {
  const on = String(overWebSocket)
  const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: on, KUBECTL_PORT_FORWARD_WEBSOCKETS: on }
  const wanted = JSON.stringify({ env, ...how })
  return run(['python3', '-c', await source('python/run_client.py'), wanted])
}

/**
 * Kubernetes cuts what it has not sent yet when a command ends, if the client reads slowly, Lanyard or not: the last MiB
 * of an output is then missing, as on a machine that starves (docs/sessions.md). Runs the client until it has got all.
 */
async function untilWhole(want: Digest, attempt: () => Promise<Ran>): Promise<Ran> {
  let ran = await attempt()
  for (let again = 0; again < 5 && ran.got.output.bytes < want.bytes; again += 1) {
    log(`cut after ${ran.got.output.bytes} of ${want.bytes} bytes: ${ran.got.said ?? ''}`)
    ran = await attempt()
  }
  return ran
}

/** The same bytes on record as the client got. */
function expectSame({ got, recorded }: Ran, protocol: string): void {
  const { output, error_output } = recorded.streams
  const { code, ending } = recorded
  expect({ output, error_output, code, ending, said: got.said }).toEqual({
    ...{ output: got.output, error_output: got.error_output, code: got.code, ending: 'finished' },
    said: got.said,
  })
  expect(recorded.session.spec).toMatchObject({ protocol, level: 'all' })
}

const SAY = ['sh', '-c', 'cat /tmp/payload; echo oops >&2; exit 3']
const TAKE = ['sh', '-c', 'sha256sum >&2; cat /tmp/payload; exit 3']
const TARGET = ['target', '-c', 'main', '--']
const KUBECTLS = [
  ['', 'kubectl'],
  [` ${OLDEST_KUBERNETES}`, OLDEST],
] as const
const TRANSPORTS = [
  ['websocket', true],
  ['SPDY/3.1', false],
] as const
const EACH = KUBECTLS.flatMap(([version, program]) =>
  TRANSPORTS.map(([protocol, overWebSocket]) => ({ version, program, protocol, overWebSocket })),
)

describe.each(EACH)('kubectl$version over $protocol', ({ program, protocol, overWebSocket }) => {
  test('exec', async () => {
    const argv = [program, 'exec', ...TARGET, ...SAY]
    const ran = await untilWhole(payload, () => runKubectl({ argv, overWebSocket }))
    expectSame(ran, protocol)
    expect(ran.got).toMatchObject({ output: payload, code: 3 })
  })

  test('exec -i', async () => {
    const argv = [program, 'exec', '-i', ...TARGET, ...TAKE]
    const input = '/tmp/sent'
    const ran = await untilWhole(payload, () => runKubectl({ argv, overWebSocket, input }))
    expectSame(ran, protocol)
    expect(ran.got).toMatchObject({ output: payload, code: 3 })
    expect(ran.recorded.streams.input).toEqual(sent)
  })

  test('exec -it', async () => {
    const typed = ['stty size; cat /tmp/text\r', 'exit 3\r']
    const argv = [program, 'exec', '-it', ...TARGET, 'sh']
    const ran = await runKubectl({ argv, overWebSocket, typed })
    expectSame(ran, protocol)
    expect(ran.got.code).toBe(3)
    expect(ran.got.output.bytes).toBeGreaterThan(text.bytes)
    expect(ran.recorded.streams.input.bytes).toBe(typed.join('').length)
    expect(ran.recorded.session.spec.terminal).toBe(true)
  })

  test('cp both ways', async () => {
    const from = await copy(program, overWebSocket, 'target:/tmp/payload', '/tmp/got')
    expect(from).toMatchObject({ direction: 'from_pod', protocol, ...payload })
    expect(await digestOf('agent', '/tmp/got')).toEqual(payload)
    expect(digestInTar(from.output)).toEqual(payload)
    const to = await copy(program, overWebSocket, '/tmp/sent', 'target:/tmp/put')
    expect(to).toMatchObject({ direction: 'to_pod', protocol, ...sent })
    expect(await digestOf('target', '/tmp/put')).toEqual(sent)
  })
})

/** Copies one file, and tells what is on record of it. What Kubernetes has cut is copied again. */
async function copy(program: string, overWebSocket: boolean, from: string, to: string) {
  const argv = [program, 'cp', '-c', 'main', from, to]
  let ran = await runKubectl({ argv, overWebSocket })
  for (let again = 0; again < 5 && ran.got.code !== 0; again += 1) {
    log(`cp failed: ${ran.got.said}`)
    ran = await runKubectl({ argv, overWebSocket })
  }
  expect(ran.got).toMatchObject({ code: 0 })
  const { others, ending, session } = ran.recorded
  expect(ending).toBe('finished')
  const files = others.filter(({ kind }) => kind === 'file')
  expect(files).toHaveLength(1)
  return { ...files[0], protocol: session.spec.protocol, output: ran.recorded.output }
}

/** Of the only file in a tar. */
function digestInTar(tar: Buffer): Digest {
  const { stdout } = spawnSync('tar', ['-xO'], { input: tar, maxBuffer: 128 * 1024 * 1024 })
  return digest(stdout)
}

function digest(bytes: Buffer): Digest {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

test('kubectl cp of 64 MiB there and back', { timeout: 600_000 }, async () => {
  await inPod('agent', ['sh', '-c', 'head -c 67108864 /dev/urandom >/tmp/large'])
  const large = await digestOf('agent', '/tmp/large')
  const to = await copy('kubectl', true, '/tmp/large', 'target:/tmp/large')
  expect(to).toMatchObject({ direction: 'to_pod', ...large })
  expect(await digestOf('target', '/tmp/large')).toEqual(large)
  const from = await copy('kubectl', true, 'target:/tmp/large', '/tmp/back')
  expect(from).toMatchObject({ direction: 'from_pod', ...large })
  expect(digestInTar(from.output)).toEqual(large)
  expect(await digestOf('agent', '/tmp/back')).toEqual(large)
  await inPod('agent', ['sh', '-c', 'rm /tmp/large /tmp/back'])
})

/** Words of kubectl's own stand in the error output of an attach, and it tells no exit code. */
function expectSameOutput({ got, recorded }: Ran, protocol: string): void {
  const { streams, ending } = recorded
  const said = got.said
  expect({ output: streams.output, ending, said }).toEqual({
    ...{ output: got.output, ending: 'finished', said },
  })
  expect(streams.output.bytes).toBeGreaterThan(0)
  expect(recorded.session.spec).toMatchObject({ protocol, subresource: 'attach' })
}

test.each([
  ['websocket', true, ATTACHED[0]],
  ['SPDY/3.1', false, ATTACHED[1]],
] as const)('kubectl attach -i over %s', async (protocol, overWebSocket, pod) => {
  await inPod('agent', ['sh', '-c', 'echo hello >/tmp/hello'])
  const argv = ['kubectl', 'attach', '-i', pod, '-c', 'main']
  const ran = await runKubectl({ argv, overWebSocket, input: '/tmp/hello' })
  expectSameOutput(ran, protocol)
  expect(ran.recorded.output.toString()).toMatch(/^got hello\n1\n2\n/)
  expect(ran.recorded.streams).toMatchObject({ input: { bytes: 6 }, error_output: { bytes: 5 } })
})

test('kubectl debug, as far as the guards allow it', async () => {
  const script = 'read line; echo "got $line"; seq 40000; sleep 5'
  // With an input that ends, containerd leaves the container before it says anything.
  const typed = ['hello\r']
  const how = ['--target=main', `--image=${AGENT_IMAGE}`, '--image-pull-policy=IfNotPresent']
  const profile = ['--profile=restricted', '-c', 'looks']
  const argv = ['kubectl', 'debug', '-it', 'target', ...how, ...profile, '--', 'sh', '-c', script]
  const ran = await runKubectl({ argv, overWebSocket: true, typed })
  expectSameOutput(ran, 'websocket')
})

const CONNECTIONS = 24
const FORWARD = `cd /tmp; : >pf.log; kubectl port-forward pod/target 0:8080 >pf.log 2>&1 & pf=$!
cd /tmp; n=0; until grep -q Forwarding pf.log || [ $n = 300 ]; do sleep 0.2; n=$((n+1)); done
P=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\).*/\\1/p' pf.log)
for i in $(seq ${CONNECTIONS}); do
curl -s -o /dev/null -m 90 -w '%{size_header} %{size_download} %{size_request}\\n' http://127.0.0.1:$P/ & w="$w $!"
done; wait $w; kill $pf`

test.each(TRANSPORTS)('kubectl port-forward of many connections over %s', async (protocol, on) => {
  const script = `export KUBECTL_PORT_FORWARD_WEBSOCKETS=${on}\n${FORWARD}`
  const act = () => inPod('agent', ['sh'], script)
  const { said, sessions } = await sessionsOf(stage.admin, two.watched, act)
  const counted = said.trim().split('\n')
  const sizes = counted.map((line) => line.split(' ').map(Number))
  expect(sizes).toHaveLength(CONNECTIONS)
  const { others, session } = await readRecording(cluster, sessions.at(-1))
  const closed = others.filter(({ kind }) => kind === 'connection_closed')
  const both = ([header = 0, body = 0, asked = 0]: readonly number[]) => [header + body, asked]
  const want = sizes.map(both)
  expect(closed.map(({ bytesFromPod, bytesToPod }) => [bytesFromPod, bytesToPod])).toEqual(want)
  expect(new Set(closed.map(({ connection }) => connection)).size).toBe(CONNECTIONS)
  expect(closed.map(({ port }) => port)).toEqual(closed.map(() => 8080))
  expect(session.spec).toMatchObject({ protocol, subresource: 'portforward' })
})

describe('the Python client', () => {
  test('stream, as a whole', async () => {
    const program = ['python3', '-c', await source('python/streams.py')]
    const { got, recorded } = await run([...program, 'whole', 'cat', '/tmp/text'])
    expect(got.output).toEqual(text)
    expect(recorded).toMatchObject({ code: 0, ending: 'finished', streams: { output: text } })
  })

  test.each([
    ['text', '/tmp/text', () => text],
    ['binary', '/tmp/payload', () => payload],
  ])('stream without _preload_content, %s', async (way, path, want) => {
    const say = ['sh', '-c', `cat ${path}; echo oops >&2; exit 3`]
    const program = ['python3', '-c', await source('python/streams.py'), way]
    const ran = await untilWhole(want(), () => run([...program, ...say]))
    expectSame(ran, 'websocket')
    expect(ran.got).toMatchObject({ output: want(), code: 3 })
  })
})

test.each([
  ['without input', '-', SAY],
  ['with input', '/tmp/sent', ['sh', '-c', 'head -c 1048576 >&2; cat /tmp/payload; exit 3']],
])('the JavaScript client, %s', async (_name, input, say) => {
  const program = ['node', '--input-type=module', '-e', await source('javascript/streams.mjs')]
  const command = [...program, '--', 'streams', input, ...say]
  const ran = await untilWhole(payload, () => run(command))
  expectSame(ran, 'websocket')
  expect(ran.got).toMatchObject({ output: payload, code: 3 })
})

test.each([
  ['WebSocket', 'websocket'],
  ['SPDY', 'SPDY/3.1'],
])('client-go over %s', async (name, protocol) => {
  const step = `exec by ${name}`
  const { got, recorded } = await run(['/tmp/goclient', 'go', 'target', step])
  expect(got).toEqual({ [step]: [true, 'command terminated with exit code 3', ''] })
  const input = Buffer.from('0123456789abcdef'.repeat(128 * 1024))
  const output = Buffer.concat([input, Buffer.from('end\n')])
  expect(recorded).toMatchObject({
    ...{ code: 3, ending: 'finished' },
    streams: { input: digest(input), output: digest(output) },
  })
  expect(recorded.session.spec).toMatchObject({ protocol })
})
