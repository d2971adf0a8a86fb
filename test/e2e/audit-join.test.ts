import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../cluster/cluster.ts'
import { waitFor } from '../cluster/control.ts'
import { WATCHED } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'
import { removePod, startPod } from './start-pod.ts'

/* Invariants 1 and 2: what was judged is what kube-apiserver saw, one to one, joined by Audit-ID. */

let stage: Stage & { cluster: Cluster }

interface Seen {
  readonly auditID: string
  readonly verb: string
  readonly userAgent?: string
  readonly user: { readonly username: string; readonly extra?: Record<string, string[]> }
  readonly requestURI: string
  readonly objectRef?: Record<string, string | undefined>
}

interface Decided {
  readonly metadata: { readonly name: string }
  readonly spec: Readonly<Record<string, string>>
}

beforeAll(async () => {
  stage = await theStage()
  await removePod(stage.admin, 'joined')
  await startPod(stage.alice, 'joined')
})

afterAll(() => stage?.close())

/** Requests of many shapes, allowed and refused, hostile ones among them. */
const PROGRAM = `
B=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT
D=/var/run/secrets/kubernetes.io/serviceaccount
c() { curl -s -o /dev/null -w '%{http_code} ' --path-as-is --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" -H 'Audit-ID: mine' "$@"; }
c "$B/api/v1/namespaces/team/pods"
c "$B/api/v1/namespaces/team/pods?fieldSelector=metadata.name%3Djoined"
c "$B/api/v1/namespaces/team/pods/joined"
c "$B/api/v1/namespaces/team/pods/joined/log?container=main&tailLines=1"
c "$B/api/v1/namespaces/team/pods?watch=true&timeoutSeconds=1"
c "$B/apis/batch/v1/namespaces/team/jobs?limit=1"
c "$B/version"
c "$B/apis/"
c -X POST -H 'Content-Type: application/json' -d '{"metadata":{"name":"Not A Name"},"spec":{"containers":[{"name":"a","image":"x"}]}}' "$B/api/v1/namespaces/team/pods"
c "$B/api/v1/namespaces/team/secrets"
c -X DELETE "$B/api/v1/namespaces/team/pods"
c "$B/api/v1/pods"
c "$B/api/v1/namespaces//pods"
c "$B/api/v1/namespaces/team/pods/joined%2Flog"
c "$B/api/v1/namespaces/team/pods/../secrets/db"
c "$B/api/v1/nodes/node/proxy/pods"
c -H 'Impersonate-User: admin' "$B/api/v1/namespaces/team/configmaps"
`

test('each forwarded request has one decision with the same attributes, and each refused one none', async () => {
  const began = new Date().toISOString()
  const answer = await stage.admin.must([
    'exec',
    '-n',
    WATCHED,
    'joined',
    '-c',
    'main',
    '--',
    'sh',
    '-c',
    PROGRAM,
  ])
  expect(answer.stdout.trim()).toBe(
    '200 200 200 200 200 200 200 200 422 403 403 403 400 400 400 403 403',
  )

  const decided = await decisions(began)
  expect(decided).toHaveLength(17)
  const seen = await auditedSince(
    began,
    decided.filter(({ spec }) => spec['effect'] === 'Allow').length,
  )
  const allowed = decided.filter(({ spec }) => spec['effect'] === 'Allow')
  expect(seen.map(({ auditID }) => auditID.toLowerCase()).sort()).toEqual(
    allowed.map(({ metadata }) => metadata.name).sort(),
  )
  for (const { metadata, spec } of allowed) {
    const event = seen.find(({ auditID }) => auditID.toLowerCase() === metadata.name)
    const { objectRef } = event ?? {}
    expect([
      event?.verb,
      objectRef?.['resource'],
      objectRef?.['subresource'],
      objectRef?.['namespace'],
    ]).toEqual([
      spec['verb'],
      spec['resource'] || undefined,
      spec['subresource'] || undefined,
      spec['namespace'] || undefined,
    ])
  }
})

async function decisions(since: string): Promise<readonly Decided[]> {
  const listed = await stage.admin.must([
    'get',
    'auditevents',
    '-n',
    WATCHED,
    '--field-selector',
    'spec.pod=joined',
    '-o',
    'json',
  ])
  const { items } = JSON.parse(listed.stdout) as { items: Decided[] }
  return items.filter(({ spec }) => (spec['decidedAt'] ?? '') >= since)
}

/** kube-apiserver's own audit of the pod's credential, by the uid that its token is bound to. */
async function auditedSince(since: string, count: number): Promise<readonly Seen[]> {
  const found = await stage.admin.must([
    'get',
    'pod',
    'joined',
    '-n',
    WATCHED,
    '-o',
    'jsonpath={.metadata.uid}',
  ])
  const read = async (): Promise<readonly Seen[]> => {
    const lines = (await readFile(stage.cluster.auditLogPath, 'utf8')).trim().split('\n')
    const events = lines.map(
      (line) => JSON.parse(line) as Seen & { stage: string; stageTimestamp: string },
    )
    return events.filter(
      (event) =>
        event.stage === 'ResponseComplete' &&
        event.stageTimestamp >= since &&
        event.user.extra?.['authentication.kubernetes.io/pod-uid']?.[0] === found.stdout,
    )
  }
  // The log is written a moment after the answer.
  await waitFor('the audit log', 10_000, async () => (await read()).length >= count)
  return read()
}
