import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitFor } from '../cluster/control.ts'
import { WATCHED } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'
import { removePod, startPod } from './start-pod.ts'

/* Every verb and every form of body, from a pod through its sidecar to a real API server and back. */

let stage: Stage

beforeAll(async () => {
  stage = await theStage()
  await removeOwn()
  await startPod(stage.alice, 'traffic')
  const editor = ['create', 'rolebinding', 'editor', '-n', WATCHED, '--clusterrole=admin']
  await stage.admin.must([...editor, '--user=alice'])
  await waitFor('the grant', 10_000, async () => (await sh('kubectl get cm')).exitCode === 0)
})

afterAll(async () => {
  await removeOwn()
  await stage?.close()
})

async function removeOwn(): Promise<void> {
  await stage?.admin.must(['delete', 'cm', '-l', 'by=traffic', '-n', WATCHED, '--wait'])
  const own = ['rolebinding/editor', '-n', WATCHED, '--ignore-not-found']
  await stage?.admin.must(['delete', ...own])
  await removePod(stage.admin, 'traffic')
}

const PREFACE = `set -e
D=/var/run/secrets/kubernetes.io/serviceaccount
B=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT
N=$B/api/v1/namespaces/${WATCHED}/configmaps
c() { curl -sS --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" "$@"; }
`

const sh = (script: string, input = '') =>
  stage.admin.run(
    ['exec', '-i', '-n', WATCHED, 'traffic', '-c', 'main', '--', 'sh', '-c', PREFACE + script],
    input,
  )

async function must(script: string, input = ''): Promise<string> {
  const answer = await sh(script, input)
  expect(answer.stderr.replace(/^Warning:.*\n/gm, '')).toBe('')
  expect(answer.exitCode).toBe(0)
  return answer.stdout
}

function configMap(name: string, data: Readonly<Record<string, string>>): string {
  const metadata = { name, labels: { by: 'traffic' } }
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data })
}

describe('kubectl in a pod', () => {
  test('creates, applies, patches in each way, replaces, scales and deletes', async () => {
    const said = await must(
      `kubectl create -f - && kubectl label cm one x=1
kubectl patch cm one --type=merge -p '{"data":{"b":"2"}}'
kubectl patch cm one --type=strategic -p '{"data":{"c":"3"}}'
kubectl patch cm one --type=json -p '[{"op":"add","path":"/data/d","value":"4"}]'
kubectl get cm one -o json | kubectl replace -f -
kubectl get cm one -o json | sed 's/"managedFields": .*//' >/dev/null
printf '%s' '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"two","labels":{"by":"traffic"}},"data":{"k":"v"}}' | kubectl apply --server-side -f -
printf '%s' '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"three","labels":{"by":"traffic"}}}' | kubectl apply -f -
kubectl scale deployment shop --replicas=0
kubectl get cm one -o jsonpath='{.data}'
kubectl delete cm two`,
      configMap('one', { a: '1' }),
    )
    expect(said.trim().split('\n')).toEqual([
      'configmap/one created',
      'configmap/one labeled',
      'configmap/one patched',
      'configmap/one patched',
      'configmap/one patched',
      'configmap/one replaced',
      'configmap/two serverside-applied',
      'configmap/three created',
      'deployment.apps/shop scaled',
      `{"a":"1","b":"2","c":"3","d":"4"}configmap "two" deleted from ${WATCHED} namespace`,
    ])
  })

  test('deletes a collection', async () => {
    await must(`kubectl create -f -`, configMap('gone', {}))
    const kind = `c -X DELETE "$N?labelSelector=by%3Dtraffic" | grep -o '"kind": *"[A-Za-z]*List"'`
    expect(await must(kind)).toContain('ConfigMapList')
    expect(await must('kubectl get cm -l by=traffic -o name')).toBe('')
  })

  test('reads discovery, OpenAPI and explain', async () => {
    expect(await must('kubectl api-resources --api-group=batch -o name')).toBe(
      'cronjobs.batch\njobs.batch\n',
    )
    expect(await must('kubectl explain job.spec.parallelism')).toContain('parallelism <integer>')
    expect(await must('c -o /tmp/o $B/openapi/v2; head -c 20 /tmp/o')).toContain('"swagger"')
  })
})

describe('a body passes as bytes', () => {
  test('protobuf, both ways', async () => {
    await must(`kubectl create -f -`, configMap('proto', { a: '1' }))
    const media = 'application/vnd.kubernetes.protobuf'
    const script = `c -H 'Accept: ${media}' $N/proto >/tmp/x; head -c 3 /tmp/x
c -o /tmp/y -w ' %{http_code} %{content_type}' -X PUT -H 'Content-Type: ${media}' -H 'Accept: ${media}' --data-binary @/tmp/x $N/proto`
    expect(await must(script)).toBe(`k8s 200 ${media}`)
  })

  test('CBOR, which this API server refuses itself', async () => {
    const script = `printf '\\331\\331\\367\\240' | c -w '%{http_code}' -o /tmp/x -X POST -H 'Content-Type: application/cbor' --data-binary @- $N`
    expect(await must(script)).toBe('415')
  })

  test('gzip, as the API server made it', async () => {
    const large = configMap('large', { a: 'x'.repeat(400_000) })
    await must(`kubectl create -f -`, large)
    const script = `c -D /tmp/h -H 'Accept-Encoding: gzip' $N/large | gunzip | grep -c xxxxxxxxxx; grep -i '^content-encoding' /tmp/h`
    expect((await must(script)).trim()).toMatch(/^1\ncontent-encoding: gzip$/i)
  })

  test('a large body that waits for 100 Continue', async () => {
    const large = configMap('continued', { a: 'y'.repeat(700_000) })
    const script = `cat >/tmp/b; c -v -o /tmp/x -w '%{http_code}' -X POST -H 'Expect: 100-continue' -H 'Content-Type: application/json' --data-binary @/tmp/b $N 2>/tmp/v; grep -c '100 Continue' /tmp/v`
    expect(await must(script, large)).toBe('2011\n')
  })

  test('the pages of a list', async () => {
    const script = `c "$N?limit=1" >/tmp/p; T=$(grep -o '"continue": *"[^"]*"' /tmp/p | cut -d'"' -f4); c -w '%{http_code}' -o /tmp/q -G --data-urlencode "continue=$T" --data limit=1 $N
name() { grep -o '"name": *"[^"]*"' $1 | head -n 1; }; test "$(name /tmp/p)" != "$(name /tmp/q)" && name /tmp/q`
    expect(await must(script)).toMatch(/^200"name": *"[^"]+"\n$/)
  })

  test('an answer is what the API server says to anyone', async () => {
    const own = await must(`kubectl get --raw /api/v1/namespaces/${WATCHED}/configmaps/proto`)
    const direct = await stage.admin.must([
      'get',
      '--raw',
      `/api/v1/namespaces/${WATCHED}/configmaps/proto`,
    ])
    expect(JSON.parse(own)).toEqual(JSON.parse(direct.stdout))
  })
})
