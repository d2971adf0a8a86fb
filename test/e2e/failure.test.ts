import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PROXY_PORT, SERVICE_ACCOUNT_PATH } from '../../core/pods/sidecar-contract.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { waitFor } from '../cluster/control.ts'
import type { Answer } from '../demo/kubectl.ts'
import { pod, WATCHED } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'
import { removePod, startPod } from './start-pod.ts'

/* When a part is gone, nothing passes undecided; when it is back, nobody has to help. */

const SYSTEM = 'lanyard-system'
let stage: Stage & { cluster: Cluster }

beforeAll(async () => {
  stage = await theStage()
  await removePod(stage.admin, 'steady')
  await startPod(stage.alice, 'steady')
})

afterAll(() => stage?.close())

/**
 * One request from the pod; the body and then the HTTP status. By way of the node: kubectl exec needs the
 * API server, and the control plane that puts on record who reaches into a pod.
 */
function ask(
  path = '/api/v1/namespaces/team/pods?limit=1',
  seconds = 20,
): ReturnType<Cluster['nodeExec']> {
  const enter = `for p in $(pgrep -f '[e]cho tick'); do
  tr '\\0' '\\n' < /proc/$p/environ | grep -q '^HOSTNAME=steady$' && exec nsenter -t $p -m -n -- sh
done`
  const request = `D=${SERVICE_ACCOUNT_PATH}
curl -s --max-time ${seconds} -w '\\n%{http_code}' --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" "https://127.0.0.1:${PROXY_PORT}${path}"`
  return stage.cluster.nodeExec(['sh', '-c', enter], request)
}

async function asksUntil(status: string, timeoutMs = 60_000): Promise<void> {
  await waitFor(`HTTP ${status}`, timeoutMs, async () =>
    (await ask()).stdout.endsWith(`\n${status}`),
  )
}

/** Ids, in lower case, of the requests that reached kube-apiserver with the pod's own credential. */
async function forwarded(): Promise<ReadonlySet<string>> {
  const uid = await stage.admin.must([
    'get',
    'pod',
    'steady',
    '-n',
    WATCHED,
    '-o',
    'jsonpath={.metadata.uid}',
  ])
  const lines = (await readFile(stage.cluster.auditLogPath, 'utf8')).split('\n')
  const own = lines.filter(
    (line) => line.includes(uid.stdout) && line.includes('authentication.kubernetes.io/pod-uid'),
  )
  return new Set(own.flatMap((line) => /"auditID":"(01\w+)"/.exec(line)?.[1]?.toLowerCase() ?? []))
}

/** Names of all records of the namespace. */
async function recorded(): Promise<ReadonlySet<string>> {
  const names = ['get', 'auditevents', '-n', WATCHED, '-o', 'jsonpath={.items[*].metadata.name}']
  return new Set((await stage.admin.must(names)).stdout.split(' '))
}

/** Reads that were sent ahead of a decision that did not come are on record a little later. */
function everyForwardedRecorded(): Promise<void> {
  return waitFor('a record of each request that was sent', 30_000, async () => {
    const sent = await forwarded()
    const known = await recorded()
    return [...sent].every((id) => known.has(id))
  })
}

function scale(what: string, replicas: number): Promise<Answer> {
  return stage.admin.must(['scale', '-n', SYSTEM, what, `--replicas=${replicas}`])
}

describe('the control plane is gone', () => {
  test('every request gets a Status that says so, nothing is forwarded, and it comes back by itself', async () => {
    await asksUntil('200')
    await scale('statefulset/lanyard-control-plane', 0)
    await stage.admin.must([
      'wait',
      '-n',
      SYSTEM,
      '--for=delete',
      'pod/lanyard-control-plane-0',
      '--timeout=60s',
    ])
    const before = (await forwarded()).size
    const answer = await ask()
    expect(answer.stdout).toMatch(/"reason":"(?:ServiceUnavailable|Timeout)"/)
    expect(answer.stdout).toMatch(/"retryAfterSeconds":\d/)
    expect(answer.stdout).toMatch(/\n50[34]$/)
    expect((await forwarded()).size).toBe(before)
    const made = await stage.alice.run(
      ['create', '-f', '-'],
      JSON.stringify(pod(WATCHED, 'refused', 'agent')),
    )
    expect(made.text).toMatch(/control plane does not answer/)
    await scale('statefulset/lanyard-control-plane', 1)
    await asksUntil('200')
  })

  test('a connection that swallows everything is noticed', async () => {
    const rule = ['FORWARD', '-p', 'tcp', '--dport', '8443', '-j', 'DROP']
    await stage.cluster.nodeExec(['iptables', '-I', ...rule])
    try {
      const began = Date.now()
      const answer = await ask()
      expect(answer.stdout).toMatch(/\n50[34]$/)
      expect(Date.now() - began).toBeLessThan(15_000)
    } finally {
      await stage.cluster.nodeExec(['iptables', '-D', ...rule])
    }
    await asksUntil('200')
  })
})

test('the control plane is killed amid requests: every one that was answered is on record', async () => {
  await asksUntil('200')
  const script = `D=/var/run/secrets/kubernetes.io/serviceaccount
for i in $(seq 150); do
  curl -s -o /dev/null -D - --max-time 20 --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/team/pods?limit=1" | tr -d '\\r' | awk '/^HTTP/ {s=$2} tolower($1)=="audit-id:" {a=$2} END {print s, a}'
done`
  const asking = stage.admin.run(
    ['exec', '-n', WATCHED, 'steady', '-c', 'main', '--', 'sh', '-c', script],
    '',
  )
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  const killed = await stage.cluster.nodeExec([
    'sh',
    '-c',
    `for p in $(pgrep -f app/main.cjs); do tr '\\0' '\\n' < /proc/$p/environ | grep -q '^HOSTNAME=lanyard-control-plane-0$' && kill -9 $p && echo killed; done`,
  ])
  expect(killed.stdout.trim()).toBe('killed')
  const lines = (await asking).stdout.trim().split('\n')
  expect(lines).toHaveLength(150)
  const served = lines.filter((line) => line.startsWith('200 ')).map((line) => line.slice(4))
  expect(served.length).toBeGreaterThan(20)
  expect(new Set(lines.map((line) => line.slice(0, 3)))).toEqual(new Set(['200', '503']))
  await asksUntil('200')
  const known = await recorded()
  expect(served.filter((id) => !known.has(id.toLowerCase()))).toEqual([])
  await everyForwardedRecorded()
})

test('the database is locked: nothing is answered without a record, and what was sent gets one', async () => {
  await asksUntil('200')
  const database = new Sqlite(join(stage.cluster.paths.volumes, 'lanyard', 'lanyard.db'))
  database.exec('begin immediate')
  const before = (await forwarded()).size
  try {
    // Allowed a moment ago, so the first may be sent ahead; its answer is thrown away.
    const answer = await ask()
    expect(answer.stdout).toMatch(/\n503$/)
    expect(answer.stdout).toMatch(/record/)
    const { size } = await forwarded()
    expect(size - before).toBeLessThanOrEqual(1)
    expect((await ask()).stdout).toMatch(/\n503$/)
    expect((await forwarded()).size).toBe(size)
  } finally {
    database.exec('rollback')
    database.close()
  }
  await asksUntil('200')
  await everyForwardedRecorded()
})

test('the injector is gone: no pod is admitted, and then it is again', async () => {
  await scale('deployment/lanyard-injector', 0)
  await stage.admin.must([
    'wait',
    '-n',
    SYSTEM,
    '--for=delete',
    'pod',
    '-l',
    'app.kubernetes.io/name=lanyard-injector',
    '--timeout=60s',
  ])
  const object = JSON.stringify(pod(WATCHED, 'late', 'agent'))
  const refused = await stage.alice.run(['create', '-f', '-'], object)
  expect(refused.exitCode).not.toBe(0)
  expect(refused.text).toMatch(/webhook/)
  await scale('deployment/lanyard-injector', 2)
  await waitFor(
    'admission',
    60_000,
    async () => (await stage.alice.run(['create', '-f', '-'], object)).exitCode === 0,
  )
  expect((await stage.admin.must(['get', 'pod', 'late', '-n', WATCHED])).exitCode).toBe(0)
  await stage.admin.must(['delete', 'pod', 'late', '-n', WATCHED, '--wait=false'])
})

test('the sidecar is killed in mid-stream: the record stays open, and the app goes on with what it has', async () => {
  const watching = ask('/api/v1/namespaces/team/pods?watch=true', 40)
  await waitFor('the watch on record', 20_000, async () => (await openWatches()) > 0)
  const killed = await stage.cluster.nodeExec([
    'sh',
    '-c',
    `for p in $(pgrep -f app/main.cjs); do tr '\\0' '\\n' < /proc/$p/environ | grep -q '^HOSTNAME=steady$' && kill -9 $p && echo killed; done`,
  ])
  expect(killed.stdout.trim()).toBe('killed')
  expect((await watching).exitCode).not.toBe(0)
  await asksUntil('200')
  expect(await openWatches()).toBeGreaterThan(0)
})

async function openWatches(): Promise<number> {
  const listed = await stage.admin.must([
    'get',
    'auditevents',
    '-n',
    WATCHED,
    '--field-selector',
    'spec.pod=steady,spec.verb=watch',
    '-o',
    'json',
  ])
  const { items } = JSON.parse(listed.stdout) as { items: { status: { phase: string } }[] }
  return items.filter(({ status }) => status.phase === 'Open').length
}

test('kube-apiserver is restarted: callers get a Status, and everything comes back', async () => {
  expect((await ask()).stdout).toMatch(/\n200$/)
  await stage.cluster.killComponent('kube-apiserver')
  const refused = await ask()
  expect(refused.stdout).toMatch(/"kind":"Status"/)
  expect(refused.stdout).toMatch(/"retryAfterSeconds":\d/)
  expect(refused.stdout).toMatch(/\n503$/)
  await stage.cluster.restartComponent('kube-apiserver')
  await asksUntil('200', 90_000)
  await waitFor('admission', 90_000, async () => {
    const made = await stage.alice.run(
      ['create', '-f', '-'],
      JSON.stringify(pod(WATCHED, 'after', 'agent')),
    )
    return made.exitCode === 0
  })
  await stage.admin.must(['delete', 'pod', 'after', '-n', WATCHED, '--wait=false'])
  expect((await ask('/api/v1/namespaces/team/secrets')).stdout).toMatch(/\n403$/)
})
