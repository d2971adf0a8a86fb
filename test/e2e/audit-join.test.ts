import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../cluster/cluster.ts'
import { WATCHED } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { allowedOf, auditedOf, decidedOf } from './audit-join.ts'
import { theStage } from './cluster-setup.ts'
import { removePod, startPod } from './start-pod.ts'

/* Invariants 1 and 2: what was judged is what kube-apiserver saw, one to one, joined by Audit-ID. */

let stage: Stage & { cluster: Cluster }

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

  const pod = { namespace: WATCHED, name: 'joined', since: began }
  const decided = await decidedOf(stage, pod)
  expect(decided).toHaveLength(17)
  const allowed = allowedOf(decided)
  expect(await auditedOf(stage, pod, allowed.length)).toEqual(allowed)
})
