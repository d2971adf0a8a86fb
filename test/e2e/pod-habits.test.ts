import { afterAll, beforeAll, expect, test } from 'vitest'
import { AGENT_IMAGE } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'
import { makeTwoNamespaces, type TwoNamespaces, workerPod } from './two-namespaces.ts'

/* Pods of unusual shapes, big answers, kubectl proxy, evictions: the same with Lanyard and without. */

let stage: Stage
let two: TwoNamespaces

beforeAll(async () => {
  stage = await theStage()
  two = await makeTwoNamespaces(stage.admin, 'habits')
  await two.create(() => ['agent', 'guarded'].map((name) => workerPod(name, AGENT_IMAGE)))
  await two.ready('agent', 'guarded')
})

afterAll(async () => {
  await two?.remove()
  await stage?.close()
})

const PREFACE = `D=/var/run/secrets/kubernetes.io/serviceaccount; NS=$(cat $D/namespace)
B=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/$NS
c() { curl -sS --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" "$@"; }
`
const sh = (script: string) => two.run(['sh', '-c', PREFACE + script])

/** The same in both, and just this. */
async function expectBoth(script: string, want: string): Promise<void> {
  expect(await sh(script)).toEqual({ withLanyard: want, without: want })
}

interface Shape {
  readonly name: string
  readonly pod?: object
  readonly container?: object
}

const RESTRICTED = {
  readOnlyRootFilesystem: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
}
const empty = (mountPath: string) => ({
  pod: { volumes: [{ name: 'own', emptyDir: {} }] },
  container: { volumeMounts: [{ name: 'own', mountPath }] },
})
const FOREIGN = { serviceAccountToken: { audience: 'vault', path: 'token' } }
const HOST = '$(KUBERNETES_SERVICE_HOST)'
const HELPER = {
  name: 'helper',
  image: AGENT_IMAGE,
  imagePullPolicy: 'IfNotPresent',
  restartPolicy: 'Always',
  command: ['sh', '-c', 'kubectl get pods >/dev/null && touch /tmp/ok; sleep 900'],
  startupProbe: { exec: { command: ['ls', '/tmp/ok'] }, periodSeconds: 1, failureThreshold: 90 },
}
const RESERVED = { cpu: '50m', memory: '64Mi' }
const ASKING = { exec: { command: ['kubectl', 'get', 'pods'] } }
const ELSEWHERE = {
  name: 'credentials',
  projected: {
    sources: [
      { serviceAccountToken: { path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt' } },
    ],
  },
}
const BY_ELSEWHERE = `D=/etc/cluster; curl -fsS --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace)/pods`
const SHAPES: readonly Shape[] = [
  {
    name: 'groups',
    pod: {
      securityContext: {
        runAsUser: 12_345,
        runAsGroup: 23_456,
        fsGroup: 34_567,
        fsGroupChangePolicy: 'OnRootMismatch',
        supplementalGroups: [4_567],
        runAsNonRoot: true,
      },
    },
    container: { securityContext: RESTRICTED },
  },
  { name: 'as-root', container: { securityContext: { runAsUser: 0 } } },
  { name: 'var-run', ...empty('/var/run') },
  { name: 'run', ...empty('/run') },
  { name: 'secrets-folder', ...empty('/var/run/secrets') },
  {
    name: 'foreign-audience',
    pod: { volumes: [{ name: 'vault', projected: { sources: [FOREIGN] } }] },
    container: { volumeMounts: [{ name: 'vault', mountPath: '/var/run/secrets/vault' }] },
  },
  { name: 'no-links', pod: { enableServiceLinks: false } },
  { name: 'full-name', pod: { hostname: 'h', subdomain: 's', setHostnameAsFQDN: true } },
  {
    name: 'pod-level',
    pod: {
      resources: {
        requests: { cpu: '50m', memory: '64Mi' },
        limits: { cpu: '400m', memory: '256Mi' },
      },
    },
  },
  {
    name: 'expansion',
    container: {
      env: [
        { name: 'API', value: `https://${HOST}:$(KUBERNETES_SERVICE_PORT)` },
        { name: 'NO_PROXY', value: HOST },
      ],
    },
  },
  { name: 'own-sidecar', pod: { initContainers: [HELPER] } },
  {
    name: 'guaranteed',
    container: {
      resources: { requests: RESERVED, limits: RESERVED },
      lifecycle: { postStart: ASKING, preStop: ASKING },
    },
  },
  {
    name: 'guaranteed-as-a-whole',
    pod: {
      resources: { requests: RESERVED, limits: RESERVED },
      schedulingGates: [{ name: 'example.com/later' }],
      volumes: [ELSEWHERE],
    },
    container: {
      volumeMounts: [{ name: ELSEWHERE.name, mountPath: '/etc/cluster', readOnly: true }],
      readinessProbe: {
        exec: { command: ['sh', '-c', BY_ELSEWHERE] },
        timeoutSeconds: 20,
        periodSeconds: 2,
      },
    },
  },
  {
    name: 'probes',
    container: {
      readinessProbe: {
        exec: { command: ['kubectl', 'get', '--raw', '/version'] },
        timeoutSeconds: 20,
        periodSeconds: 2,
      },
    },
  },
]

function shaped({ name, pod, container }: Shape): object {
  const main = {
    name: 'main',
    image: AGENT_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['sleep', '900'],
    ...container,
  }
  const common = { serviceAccountName: 'worker', terminationGracePeriodSeconds: 1 }
  const spec = { ...common, ...pod, containers: [main] }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }
}

test('inject() leaves pods of every shape able to start and to reach the API', async () => {
  const names = SHAPES.map(({ name }) => name)
  await two.create(() => SHAPES.map(shaped))
  const open = ['--type=json', '-p', '[{"op":"remove","path":"/spec/schedulingGates"}]']
  await two.inBoth((namespace) =>
    stage.admin.must(['patch', 'pod', 'guaranteed-as-a-whole', '-n', namespace, ...open]),
  )
  await two.ready(...names)
  const list = ['-c', 'main', '--', 'kubectl', 'get', 'pod', 'agent', '-o', 'name']
  const { withLanyard, without } = await two.inBoth(async (namespace) => {
    const said: string[] = []
    for (const name of names) {
      const answer = await stage.admin.run(['exec', '-n', namespace, name, ...list])
      said.push(`${name}: ${answer.text.trim()}`)
    }
    return said
  })
  expect(withLanyard).toEqual(without)
  expect(without).toEqual(names.map((name) => `${name}: pod/agent`))
  for (const name of ['guaranteed', 'guaranteed-as-a-whole']) {
    const qos = ['get', 'pod', name, '-o', 'jsonpath={.status.qosClass}']
    const both = await two.inBoth((namespace) => stage.admin.must([...qos, '-n', namespace]))
    expect(both.withLanyard.stdout).toBe('Guaranteed')
    expect(both.without.stdout).toBe('Guaranteed')
  }
  const pods = names.map((name) => `pod/${name}`)
  await two.inBoth((namespace) =>
    stage.admin.must(['delete', '-n', namespace, '--wait=false', ...pods]),
  )
})

test('a pod is resized in place, as without Lanyard', async () => {
  const own = (cpu: string) => ({ requests: { cpu, memory: '32Mi' }, limits: { cpu: '100m' } })
  await two.create(() => [shaped({ name: 'resizable', container: { resources: own('20m') } })])
  await two.ready('resizable')
  const containers = [{ name: 'main', resources: own('30m') }]
  const patch = ['--type=strategic', '-p', JSON.stringify({ spec: { containers } })]
  const cpu = '{.status.containerStatuses[?(@.name=="main")].resources.requests.cpu}'
  await two.inBoth(async (namespace) => {
    const resize = ['patch', 'pod', 'resizable', '--subresource=resize', '-n', namespace]
    await stage.admin.must([...resize, ...patch])
    await stage.admin.must(['wait', 'pod/resizable', '-n', namespace, `--for=jsonpath=${cpu}=30m`])
    await stage.admin.must(['delete', 'pod', 'resizable', '-n', namespace, '--wait=false'])
  })
})

test('a pod is resized in place as a whole, as without Lanyard', async () => {
  const whole = (memory: string) => ({ requests: { memory }, limits: { memory } })
  await two.create(() => [shaped({ name: 'growing', pod: { resources: whole('900Mi') } })])
  await two.ready('growing')
  const patch = ['-p', JSON.stringify({ spec: { resources: whole('1Gi') } })]
  const limit = '{.status.resources.limits.memory}'
  await two.inBoth(async (namespace) => {
    const resize = ['patch', 'pod', 'growing', '--subresource=resize', '-n', namespace]
    await stage.admin.must([...resize, '--type=strategic', ...patch])
    await stage.admin.must(['wait', 'pod/growing', '-n', namespace, `--for=jsonpath=${limit}=1Gi`])
    await stage.admin.must(['delete', 'pod', 'growing', '-n', namespace, '--wait=false'])
  })
})

test('inject() serves a pod of 40 containers, each with a token of its own', async () => {
  const container = (index: number) => ({
    name: `c${index}`,
    image: AGENT_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['sleep', '900'],
  })
  const containers = Array.from({ length: 40 }, (_, index) => container(index))
  const spec = { serviceAccountName: 'worker', terminationGracePeriodSeconds: 1, containers }
  const many = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'many' }, spec }
  const create = ['create', '-n', two.watched, '-f', '-']
  await stage.admin.must(create, JSON.stringify(many))
  const ready = ['--for=condition=Ready', '--timeout=160s']
  await stage.admin.must(['wait', '-n', two.watched, 'pod/many', ...ready])
  const token = 'cat /var/run/secrets/kubernetes.io/serviceaccount/token'
  const tokens = new Set<string>()
  for (const name of ['c0', 'c20', 'c39']) {
    const exec = ['exec', '-n', two.watched, 'many', '-c', name, '--', 'sh', '-c']
    const said = await stage.admin.must([...exec, `kubectl get pod many -o name; ${token}`])
    const [pod, own = ''] = said.stdout.split('\n')
    expect(pod).toBe('pod/many')
    tokens.add(own)
  }
  expect(tokens.size).toBe(3)
  await stage.admin.must(['delete', '-n', two.watched, 'pod', 'many', '--wait=false'])
})

test('forward() gives four slow readers a list of 24 MB, whole', async () => {
  const data = { x: 'y'.repeat(400_000) }
  const maps = Array.from({ length: 60 }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `big-${index}`, namespace: two.watched, labels: { big: 'yes' } },
    data,
  }))
  const list = { apiVersion: 'v1', kind: 'List', items: maps }
  await stage.admin.must(['create', '-f', '-'], JSON.stringify(list))
  const reader = `c -m 120 --limit-rate 4M -o /dev/null -w '%{http_code} %{size_download}\\n' "$B/configmaps?labelSelector=big%3Dyes"`
  const { withLanyard } = await sh(`for i in 1 2 3 4; do ${reader} & done; wait`)
  const answers = withLanyard.trim().split('\n')
  expect(answers).toHaveLength(4)
  expect(new Set(answers).size).toBe(1)
  expect(answers[0]).toMatch(/^200 24\d{6}$/)
  const restarts = `jsonpath={.status.initContainerStatuses[0].restartCount}`
  const agent = ['get', 'pod', 'agent', '-n', two.watched, '-o', restarts]
  expect((await stage.admin.must(agent)).stdout).toBe('0')
  await stage.admin.must(['delete', 'configmap', '-l', 'big=yes', '-n', two.watched])
})

test('kubectl proxy in a container serves lists, watches, exec both ways and OpenAPI', async () => {
  const proxy = 'http://127.0.0.1:8001'
  await sh('kubectl proxy --port=8001 --reject-paths=^/none >/tmp/proxy.log 2>&1 & sleep 2')
  const list = `curl -sS ${proxy}/api/v1/namespaces/$NS/pods | grep -c '"name": "agent"'`
  await expectBoth(list, '1\n')
  const watch = `timeout 3 curl -sS -N "${proxy}/api/v1/namespaces/$NS/pods?watch=1" >/tmp/w 2>/dev/null; head -c 16 /tmp/w`
  await expectBoth(watch, '{"type":"ADDED",')
  const exec = `kubectl -s ${proxy} -n $NS exec agent -c main -- sh -c 'echo said; exit 4' 2>/dev/null; echo code $?`
  for (const webSockets of ['true', 'false']) {
    const how = `KUBECTL_REMOTE_COMMAND_WEBSOCKETS=${webSockets}`
    await expectBoth(`${how} ${exec}`, 'said\ncode 4\n')
  }
  await expectBoth(`curl -sS -o /dev/null -w '%{http_code}' ${proxy}/openapi/v3`, '200')
})

test('forward() passes an eviction on: 429 by a budget, then 201', async () => {
  const budget = ['poddisruptionbudget', 'guarded']
  await two.inBoth(async (namespace) => {
    const create = ['create', ...budget, '--selector=app=guarded', '--min-available=1']
    await stage.admin.must([...create, '-n', namespace])
    const counted = ['--for=jsonpath={.status.currentHealthy}=1', '--timeout=30s']
    await stage.admin.must(['wait', 'poddisruptionbudget/guarded', '-n', namespace, ...counted])
  })
  const body = `'{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"guarded"}}'`
  const evict = `c -o /tmp/said -w '%{http_code} ' -H 'Content-Type: application/json' -d ${body} $B/pods/guarded/eviction; grep -c '"DisruptionBudget"' /tmp/said; true`
  await expectBoth(evict, '429 1\n')
  await two.inBoth((namespace) => stage.admin.must(['delete', ...budget, '-n', namespace]))
  await expectBoth(evict, '201 0\n')
})
