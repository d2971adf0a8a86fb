import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pod, podSpec, WATCHED } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'
import { removePod, startPod } from './start-pod.ts'

/* What reaches a container of an opted-in namespace, and what is kept from it. */

let stage: Stage

beforeAll(async () => {
  stage = await theStage()
  await removePod(stage.admin, 'shape')
  await startPod(stage.alice, 'shape')
})

afterAll(() => stage?.close())

const inside = (...argv: string[]) =>
  stage.admin.run(['exec', '-n', WATCHED, 'shape', '-c', 'main', '--', ...argv])

describe('a container', () => {
  test('is told to talk to the sidecar', async () => {
    const { stdout } = await inside('env')
    expect(stdout).toContain('KUBERNETES_SERVICE_HOST=127.0.0.1\n')
    expect(stdout).toContain('KUBERNETES_SERVICE_PORT=16443\n')
    expect(stdout).toContain('KUBERNETES_SERVICE_PORT_HTTPS=16443\n')
  })

  test('holds three files, none of which it can change', async () => {
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount'
    const { stdout } = await inside('ls', folder)
    expect(stdout.split('\n').sort()).toEqual(['', 'ca.crt', 'namespace', 'token'])
    expect((await inside('touch', `${folder}/token`)).exitCode).not.toBe(0)
  })

  test('holds nothing that the API server accepts', async () => {
    const { stdout: token } = await inside(
      'cat',
      '/var/run/secrets/kubernetes.io/serviceaccount/token',
    )
    expect(token.length).toBeGreaterThan(20)
    const direct = await inside(
      'sh',
      '-c',
      `curl -sk -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/json' -d '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}' -H "Authorization: Bearer ${token}" https://10.96.0.1/apis/authentication.k8s.io/v1/selfsubjectreviews`,
    )
    expect(direct.stdout).toBe('401')
    const found = await inside(
      'sh',
      '-c',
      'cat /proc/*/environ /var/run/secrets/*/*/* 2>/dev/null | grep -c eyJ',
    )
    expect(found.stdout.trim()).toBe('0')
  })

  test.each([
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ])('reaches the sidecar as %s', async (name) => {
    const { stdout } = await inside(
      'sh',
      '-c',
      `D=/var/run/secrets/kubernetes.io/serviceaccount
curl -sS -o /dev/null -w '%{http_code} %{remote_ip}' --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" "https://${name}/version"`,
    )
    expect(stdout).toBe('200 127.100.0.1')
  })

  test('gets 401 from the sidecar without its token', async () => {
    const { stdout } = await inside(
      'sh',
      '-c',
      'curl -sk -w "%{http_code}" https://127.0.0.1:16443/version',
    )
    expect(stdout).toMatch(/"reason":"Unauthorized".*401$/)
  })
})

describe('a pod of several containers', () => {
  const ASK = `D=/var/run/secrets/kubernetes.io/serviceaccount
curl -sSf --retry 10 -o /dev/null --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" \
  "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/${WATCHED}/pods?limit=1"`
  const within = (container: string, ...argv: string[]) =>
    stage.admin.must(['exec', '-n', WATCHED, 'several', '-c', container, '--', ...argv])

  beforeAll(async () => {
    await removePod(stage.admin, 'several')
    const lie = { name: 'lying-address', namespace: WATCHED }
    const data = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }
    const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: lie, data }
    await stage.admin.must(['apply', '-f', '-'], JSON.stringify(settings))
    const { containers, ...rest } = podSpec('builder', 3_600) as { containers: object[] }
    const [main] = containers
    const envFrom = [{ configMapRef: { name: lie.name } }]
    const spec = {
      ...rest,
      initContainers: [{ ...main, name: 'setup', command: ['sh', '-c', ASK] }],
      containers: [main, { ...main, name: 'second', envFrom }],
    }
    const metadata = { name: 'several', namespace: WATCHED }
    const object = { apiVersion: 'v1', kind: 'Pod', metadata, spec }
    await stage.alice.must(['create', '-f', '-'], JSON.stringify(object))
    const ready = ['--for=condition=Ready', '--timeout=120s']
    await stage.admin.must(['wait', '-n', WATCHED, 'pod/several', ...ready])
  })

  afterAll(() => removePod(stage.admin, 'several'))

  test('is told apart by container, the init container too', async () => {
    for (const container of ['main', 'second']) await within(container, 'sh', '-c', ASK)
    const listed = await stage.admin.must([
      ...['get', 'auditevents', '-n', WATCHED, '-o', 'json'],
      ...['--field-selector', 'spec.pod=several'],
    ])
    const { items } = JSON.parse(listed.stdout) as { items: { spec: { container: string } }[] }
    const containers = new Set(items.map(({ spec }) => spec.container))
    expect([...containers].sort()).toEqual(['main', 'second', 'setup'])
  })

  test('is not led elsewhere by envFrom', async () => {
    const { stdout } = await within('second', 'env')
    expect(stdout).toContain('KUBERNETES_SERVICE_HOST=127.0.0.1\n')
    expect(stdout).toContain('KUBERNETES_SERVICE_PORT=16443\n')
  })
})

describe('a pod that cannot be protected', () => {
  const spec = podSpec('builder', 60) as { containers: object[] }
  const [container] = spec.containers
  const volumes = (volume: object) => ({ ...spec, volumes: [{ name: 'v', ...volume }] })
  test.each([
    ['hostNetwork', { ...spec, hostNetwork: true }, /hostNetwork/],
    ['hostPID', { ...spec, hostPID: true }, /hostPID/],
    ['shareProcessNamespace', { ...spec, shareProcessNamespace: true }, /shareProcessNamespace/],
    [
      'an API token of its own',
      volumes({ projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }),
      /projects a service account token/,
    ],
    [
      'a token for the control plane',
      volumes({
        projected: {
          sources: [{ serviceAccountToken: { path: 't', audience: 'lanyard-control-plane' } }],
        },
      }),
      /projects a service account token/,
    ],
    [
      "kubelet's folder",
      volumes({ hostPath: { path: '/var/lib/kubelet/pods' } }),
      /mounts \/var\/lib\/kubelet\/pods of the node/,
    ],
    [
      'a container with our name',
      { ...spec, containers: [{ ...container, name: 'lanyard-sidecar' }] },
      /Lanyard's own/,
    ],
    ["the sidecar's uid", { ...spec, securityContext: { runAsUser: 7777 } }, /uid 7777/],
    [
      'a mount of our volume',
      {
        ...spec,
        containers: [
          { ...container, volumeMounts: [{ name: 'lanyard-api-token', mountPath: '/x' }] },
        ],
      },
      /mounts Lanyard's volume|volumeMounts/,
    ],
  ])('is refused for %s', async (_name, bad, reason) => {
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bad', namespace: WATCHED },
      spec: bad,
    }
    const answer = await stage.admin.run(['create', '-f', '-'], JSON.stringify(object))
    expect(answer.text).toMatch(reason)
    expect(answer.exitCode).not.toBe(0)
  })
})

describe('someone with a kubeconfig of their own', () => {
  test.each([
    [
      'reaches into the sidecar',
      [
        'exec',
        '-n',
        WATCHED,
        'shape',
        '-c',
        'lanyard-sidecar',
        '--',
        '/usr/local/bin/node',
        '-e',
        '1',
      ],
      /nobody reaches into the sidecar/,
    ],
    [
      'changes a hint',
      [
        'annotate',
        'pod',
        'shape',
        '-n',
        WATCHED,
        '--overwrite',
        'lanyard.dev/root-requester=admin',
      ],
      /Lanyard's own/,
    ],
    [
      'changes the image of the sidecar',
      ['set', 'image', 'pod/shape', '-n', WATCHED, 'lanyard-sidecar=other:1'],
      /image of (the|Lanyard's) sidecar cannot be changed/,
    ],
    [
      'mints a token for the control plane',
      ['create', 'token', 'builder', '-n', WATCHED, '--audience=lanyard-control-plane'],
      /only kubelet asks/,
    ],
    [
      'mints a token bound to the pod',
      [
        'create',
        'token',
        'builder',
        '-n',
        WATCHED,
        '--bound-object-kind=Pod',
        '--bound-object-name=shape',
      ],
      /speaks for that pod's chain/,
    ],
    [
      'debugs with the sidecar as target',
      [
        'debug',
        'shape',
        '-n',
        WATCHED,
        '--image=lanyard-test/agent:latest',
        '--image-pull-policy=Never',
        '--target=lanyard-sidecar',
      ],
      /reaches into Lanyard's sidecar/,
    ],
  ])('is refused when it %s', async (_name, args, reason) => {
    const answer = await stage.admin.run(args)
    expect(answer.text).toMatch(reason)
    expect(answer.exitCode).not.toBe(0)
  })
})

test('a copied pod with our marks is injected again, for whoever copied it', async () => {
  const got = await stage.admin.must(['get', 'pod', 'shape', '-n', WATCHED, '-o', 'json'])
  const copy = JSON.parse(got.stdout) as {
    metadata: object
    spec: { initContainers: { image: string }[]; nodeName?: string }
  }
  const [sidecar] = copy.spec.initContainers
  const forged = {
    ...copy.spec,
    initContainers: [{ ...sidecar, image: 'attacker:1' }],
    nodeName: undefined,
  }
  const metadata = {
    name: 'forged',
    namespace: WATCHED,
    annotations: { 'lanyard.dev/root-requester': 'root' },
  }
  await stage.admin.must(
    ['create', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec: forged }),
  )
  const stored = await stage.admin.must(['get', 'pod', 'forged', '-n', WATCHED, '-o', 'json'])
  expect(stored.stdout).not.toContain('attacker:1')
  expect(stored.stdout).toContain('"lanyard.dev/root-requester": "admin"')
  await stage.admin.must(['delete', 'pod', 'forged', '-n', WATCHED, '--wait=false'])
})

test('a dry run is admitted and leaves nothing on record', async () => {
  await stage.alice.must(
    ['create', '--dry-run=server', '-f', '-'],
    JSON.stringify(pod(WATCHED, 'dry', 'agent')),
  )
  // By name: other pods may enrol at any moment, and are listed from then on.
  const one = ['get', 'chains', '-n', WATCHED, '-o', 'name', '--field-selector=metadata.name=dry']
  expect((await stage.admin.must(one)).stdout).toBe('')
})

test('restricted Pod Security admits what is injected, and a Job with a sidecar completes', async () => {
  const enforce = 'pod-security.kubernetes.io/enforce'
  await stage.admin.must(['label', 'namespace', WATCHED, `${enforce}=restricted`])
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'short', namespace: WATCHED },
    spec: { template: { spec: { ...podSpec('agent', 0), restartPolicy: 'Never' } } },
  }
  await stage.alice.must(['create', '-f', '-'], JSON.stringify(job))
  const complete = ['--for=condition=Complete', '--timeout=60s']
  await stage.admin.must(['wait', '-n', WATCHED, 'job/short', ...complete])
  await stage.admin.must(['delete', 'job', 'short', '-n', WATCHED, '--wait=false'])
  await stage.admin.must(['label', 'namespace', WATCHED, `${enforce}-`])
})
