import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { REPOSITORY } from '../cluster/paths.ts'
import { createKubectl, type Kubectl } from '../demo/kubectl.ts'
import type { Stage } from '../demo/stage.ts'
import { ensureProgramsImage, PROGRAMS_IMAGE } from '../programs/ensure-programs.ts'
import { theStage } from './cluster-setup.ts'
import {
  type Compared,
  makeTwoNamespaces,
  type TwoNamespaces,
  workerPod,
} from './two-namespaces.ts'

/*
 * What people run, from the registries' own packages, in a pod with Lanyard and in one without. Each
 * program prints what it saw as one line of JSON; both must have seen the same, and what was expected.
 */

let stage: Stage
let two: TwoNamespaces

/** A Java virtual machine or Airflow takes its time to start, and there are two of each. */
vi.setConfig({ testTimeout: 300_000 })

beforeAll(async () => {
  const image = await ensureProgramsImage((line) => process.stderr.write(`${line}\n`))
  const staged = await theStage()
  stage = staged
  await staged.cluster.loadImage(image)
  two = await makeTwoNamespaces(patient(staged), 'programs')
  await two.create(() => ['agent', 'target'].map((name) => workerPod(name, PROGRAMS_IMAGE)))
  await two.ready('agent', 'target')
})

afterAll(async () => {
  await two?.remove()
  await stage?.close()
})

/** The administrator's kubectl, which lets a program have its time. */
function patient({ cluster, path, folder }: Awaited<ReturnType<typeof theStage>>): Kubectl {
  const { kubectlPath, adminKubeconfig: kubeconfig } = cluster
  return createKubectl({ kubectlPath, kubeconfig, path, cwd: folder, timeoutMs: 240_000 })
}

const source = (path: string) => readFile(join(REPOSITORY, 'test/programs', path), 'utf8')

/** What the program's last line says in each namespace; all that it printed where that is no JSON. */
async function seen(command: readonly string[], input?: string): Promise<Compared<unknown>> {
  const { withLanyard, without } = await two.run(command, input)
  return { withLanyard: parseLast(withLanyard), without: parseLast(without) }
}

function parseLast(text: string): unknown {
  const line = text.split('\n').findLast((each) => each.startsWith('{')) ?? 'null'
  try {
    return JSON.parse(line) ?? text
  } catch {
    // What it is instead shows in the comparison.
    return text
  }
}

/** The same in both, and just this. */
async function expectBoth(said: Promise<Compared<unknown>>, want: unknown): Promise<void> {
  expect(await said).toEqual({ withLanyard: want, without: want })
}

const CHANGES = ['ADDED', 'MODIFIED', 'DELETED']

describe('fabric8, the Java client', () => {
  test.each([
    ['7.5.2 over OkHttp', 'fabric8-okhttp', 'javaone'],
    ['8.0.0 over Vert.x', 'fabric8-vertx', 'javatwo'],
  ])('%s lists, writes, watches, informs itself, executes', async (_, variant, prefix) => {
    const java = '/opt/programs/java'
    const path = `${java}/${variant}/classes:${java}/${variant}/lib/*`
    const options = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', path]
    const command = [`${java}/jre/bin/java`, ...options, 'programs.Fabric8', prefix, 'target']
    await expectBoth(seen(command), {
      list: true,
      'create, edit, apply, delete': [{ a: '1', b: '2', c: '3' }, 1],
      'watch over a WebSocket': CHANGES,
      'watch over HTTP': CHANGES,
      informer: [true, CHANGES],
      exec: ['said hello\n', 7],
      log: 'first line',
    })
  })
})

describe('client-go', () => {
  const go = (environment: readonly string[], ...steps: readonly string[]) =>
    seen(['env', ...environment, '/opt/programs/go/client', ...steps])
  const events = ['added', 'updated', 'deleted']

  test('speaks JSON: informers, Leases, Events, exec and port-forward both ways', async () => {
    const tunnels = ['exec by WebSocket', 'exec by SPDY', 'forward by WebSocket', 'forward by SPDY']
    const objects = ['informer', 'lease', 'event', 'pages and server-side apply', 'impersonation']
    const steps = [...objects, ...tunnels]
    const executed = [true, 'command terminated with exit code 3', '']
    const listing = ['CONTENT_TYPE=application/json', 'KUBE_FEATURE_WatchListClient=false']
    await expectBoth(go(listing, 'gojson', 'target', ...steps), {
      informer: {
        events,
        protocol: ['list: application/json', 'watch: application/json'],
      },
      lease: ['leads', 'renewed', true, 'let go'],
      event: 'one Event, three times',
      'pages and server-side apply': [2, 1],
      impersonation: 'forbidden',
      'exec by WebSocket': executed,
      'exec by SPDY': executed,
      'forward by WebSocket': 6_000_000,
      'forward by SPDY': 6_000_000,
    })
  })

  test('speaks protobuf, with a list inside of a watch, which 1.35 and later do by themselves', async () => {
    const steps = ['informer', 'pages and server-side apply']
    await expectBoth(go([], 'goproto', 'target', ...steps), {
      informer: {
        events,
        protocol: ['watch with a list: application/vnd.kubernetes.protobuf;stream=watch'],
      },
      'pages and server-side apply': [2, 1],
    })
  })

  test('offers CBOR, which this API server refuses itself', async () => {
    const environment = [
      'KUBE_FEATURE_ClientsAllowCBOR=true',
      'KUBE_FEATURE_ClientsPreferCBOR=true',
      'CONTENT_TYPE=application/cbor',
    ]
    const accepted = 'application/json, application/yaml, application/vnd.kubernetes.protobuf'
    const refusal = 'the body of the request was in an unknown format'
    await expectBoth(go(environment, 'gocbor', 'target', 'informer'), {
      informer: `failed: ${refusal} - accepted media types include: ${accepted}`,
    })
  })
})

test('kube-rs over rustls lists, applies, watches, executes', async () => {
  const watched = ['synced', 'applied', 'applied', 'deleted']
  const code = 'command terminated with non-zero exit code: command terminated with exit code 7'
  await expectBoth(seen(['/opt/programs/rust/client', 'rust', 'target']), {
    list: true,
    'apply, patch, delete': [{ a: '1', b: '2' }, true],
    watch: watched,
    'watch with a list': watched,
    exec: ['said hello\n', code],
    log: 'first line',
  })
})

test('the JavaScript client writes, watches, informs itself, executes, forwards a port', async () => {
  const command = ['node', '--input-type=module', '-', 'javascript', 'target']
  await expectBoth(seen(command, await source('javascript/official.mjs')), {
    write: [{ a: '1', b: '2', c: '3' }, 404],
    pages: [2, 1],
    watch: CHANGES,
    informer: ['add', 'update', 'delete'],
    exec: ['said hello\n', 3_000_011, 'NonZeroExitCode', '7'],
    log: 'first line',
    forward: 300_000,
  })
})

describe('Python', () => {
  const python = async (program: string, prefix: string, packages = 'python') => {
    const text = `${await source('python/steps.py')}\n${await source(`python/${program}.py`)}`
    const environment = ['env', `PYTHONPATH=/opt/programs/${packages}`]
    return seen([...environment, 'python3', '-', prefix, 'target', PROGRAMS_IMAGE], text)
  }

  test('the official client: typed, streamed, dynamic', async () => {
    await expectBoth(python('official', 'official'), {
      write: [{ a: '1', b: '2', c: '3', d: '4' }, 404, 'Not Found'],
      pages: [[2, 1], 0],
      watch: CHANGES,
      exec_whole: ['one', 'two'],
      exec_binary: [6_000_000, 5],
      exec_input: [['got x', 'and y'], 4],
      forward: [true, null],
      log: 'first line',
      dynamic: [{ a: '1' }, ['ADDED', 'DELETED']],
    })
  })

  test('kr8s lists, writes, watches, executes, forwards a port', async () => {
    await expectBoth(python('kr8s_program', 'kr8s'), {
      list: true,
      write: [{ a: '1', b: '2' }, false],
      watch: CHANGES,
      exec: ['said\n', 3],
      log: 'first line',
      forward: 300_000,
    })
  })

  test('kopf, an operator: creation, change, Event, finalizer, deletion', async () => {
    await expectBoth(python('kopf_operator', 'kopf'), {
      operate: [
        ['created', ['updated', { a: '2' }], 'deleted'],
        'yes',
        ['lanyard.test/kopf'],
        ['hello'],
        true,
      ],
    })
  })

  test('KubeSpawner starts a pod, polls it, stops it', async () => {
    await expectBoth(python('kubespawner_program', 'spawner'), { spawn: [true, null, true, 1] })
  })

  test("Airflow's KubernetesPodOperator runs a pod, reads its log and its result", async () => {
    await expectBoth(python('pod_operator', 'airflow', 'airflow'), {
      succeed: [{ answer: 42 }, ['pod-said-hello\n'], 0],
      fail: ['AirflowException', 0],
    })
  })
})

test('Helm installs, upgrades with a hook, rolls back, tests, uninstalls', async () => {
  const script = (await source('helm/release.sh')).replaceAll('IMAGE', PROGRAMS_IMAGE)
  const { withLanyard, without } = await two.run(['sh'], script)
  expect(withLanyard).toBe(without)
  expect(without.split('\n')).toEqual([
    'installed: n=1, found=',
    'upgraded: n=2, found=ConfigMap',
    'rolled back: n=1, found=',
    'tested',
    '1 superseded, 2 superseded, 3 deployed',
    'uninstalled: 0 left',
    '',
  ])
})
