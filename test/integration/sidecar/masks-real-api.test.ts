import { CoreV1Api } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Effect } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findKube, findKubectl } from '../../support/find-kubernetes.ts'
import { makeAccount } from '../../support/real-api-pair.ts'
import { createKubectl, type Kubectl, podKubeconfig } from '../../support/run-kubectl.ts'
import {
  eventually,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/* kubectl and bare requests through a sidecar that masks, before a real kube-apiserver: what is hidden never comes. */

const kube = findKube() ?? ''
const program = findKubectl() ?? ''
const namespace = 'team'
const CANARY = 'canary-7391-hunter2'
const base64 = (text: string) => Buffer.from(text).toString('base64')
const TOKEN = /lanyard-masked-[0-9a-f]{24}/
const TOKEN_BASE64 = /bGFueWFyZC1tYXNrZWQt[\w]{32}/
/** The canary as it is, and in base64 at any place. */
const SIGNS = [CANARY, ...[0, 1, 2].map((at) => base64(`${'x'.repeat(at)}${CANARY}`).slice(4, 20))]

let api: BareApiServer
let fixture: SidecarFixture
let kubectl: Kubectl
let core: CoreV1Api

function manifest(kind: string, name: string, parts: object, apiVersion = 'v1'): string {
  return JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, ...parts })
}
const SECRET = (name: string, password = CANARY) =>
  manifest('Secret', name, { stringData: { password, user: 'u' } })
const DEPLOYMENT = (replicas = 1) =>
  manifest(
    'Deployment',
    'web',
    {
      spec: {
        replicas,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [
              {
                ...{ name: 'a', image: 'x' },
                env: [
                  { name: 'DB_PASSWORD', value: CANARY },
                  { name: 'HOME', value: '/srv' },
                ],
              },
            ],
          },
        },
      },
    },
    'apps/v1',
  )

/** What kubectl says, well or ill; the canary is never in it. */
async function run(args: string, input = ''): Promise<string> {
  const words = ['--namespace', namespace, ...args.split(' ')]
  const text = await kubectl.run(words, input).catch((error: Error) => error.message)
  for (const sign of SIGNS) expect(text).not.toContain(sign)
  return text
}

async function stored(name: string): Promise<string> {
  const { data } = await core.readNamespacedSecret({ namespace, name })
  return Buffer.from(data?.['password'] ?? '', 'base64').toString()
}

describe.skipIf(kube === '' || program === '')('masks before a real kube-apiserver', () => {
  beforeAll(async () => {
    api = await startBareApiServer(kube)
    const admin = await api.config('admin', 'system:masters')
    core = admin.makeApiClient(CoreV1Api)
    const token = await makeAccount(admin)
    const cluster = admin.getCurrentCluster()
    fixture = await startSidecarFixture({ LANYARD_UPSTREAM_URL: cluster?.server ?? '' })
    await fixture.writeFile('api-token', token)
    await fixture.writeFile('api-ca', Buffer.from(cluster?.caData ?? '', 'base64').toString())
    await fixture.restart()
    fixture.controlPlane.decide((_question, decisionId) => ({
      case: 'decision',
      value: {
        ...{ decisionId, effect: Effect.ALLOW_WITH_OBLIGATIONS },
        obligations: {
          mask: ['config-values', 'env-values', 'secret-values'],
          maskKey: new Uint8Array(32).fill(1),
        },
      },
    }))
    kubectl = await createKubectl(program, podKubeconfig(fixture))
    await run('apply -f -', SECRET('db'))
    await run('create configmap settings --from-literal=a='.concat(CANARY))
    await run('apply -f -', DEPLOYMENT())
  }, 120_000)

  afterAll(async () => {
    await kubectl?.[Symbol.asyncDispose]()
    await fixture?.close()
    await api?.close()
  })

  test('what was applied is stored as it was meant', async () => {
    expect(await stored('db')).toBe(CANARY)
  })

  test.each([
    ['get secret db -o yaml', TOKEN_BASE64],
    ['get secret db -o json', TOKEN_BASE64],
    ['get secrets -o yaml', TOKEN_BASE64],
    ['get secrets', /db +Opaque +2/],
    ['get secrets -A -o wide', /team +db +Opaque +2/],
    ['get secret db -o jsonpath={.data.password}', TOKEN_BASE64],
    ['get secret db -o go-template={{.data.password|base64decode}}', TOKEN],
    ['describe secret db', /password: +39 bytes/],
    ['get configmap settings -o yaml', TOKEN],
    ['describe configmap settings', TOKEN],
    ['get deployment web -o yaml', TOKEN],
    ['get deployments -o wide', /web +0\/1/],
    ['describe deployment web', TOKEN],
    ['get all,secrets,configmaps -o yaml', TOKEN],
    ['get deployment web -o jsonpath={..env[1].value}', /^\/srv$/],
    ['explain secret.data', /map\[string\]string/],
    ['auth can-i get secrets', /yes/],
    ['label secret db a=b --overwrite', /labeled/],
    ['annotate secret db a=b --overwrite', /annotated/],
    [
      'create secret generic dry --from-literal=a=canary-7391-hunter2 --dry-run=server -o yaml',
      TOKEN_BASE64,
    ],
    ['scale deployment web --replicas=2', /scaled/],
    ['set image deployment web a=y', /image updated/],
    ['get secret absent', /"absent" not found/],
  ])('kubectl %s', async (args, want) => {
    expect(await run(args)).toMatch(want)
  })

  test.each([
    ['merge', '{"stringData":{"user":"v1"}}'],
    ['strategic', '{"stringData":{"user":"v2"}}'],
    ['json', `[{"op":"replace","path":"/data/user","value":"${base64('v3')}"}]`],
  ])('kubectl patch --type=%s changes what is meant and leaves the rest', async (type, patch) => {
    const text = await kubectl.run(
      ['-n', namespace, 'patch', 'secret', 'db', `--type=${type}`, '-p', patch, '-o', 'yaml'],
      '',
    )
    expect(text).toMatch(TOKEN_BASE64)
    for (const sign of SIGNS) expect(text).not.toContain(sign)
    expect(await stored('db')).toBe(CANARY)
  })

  test('kubectl apply works again on what it has applied, on both sides', async () => {
    expect(await run('apply -f -', DEPLOYMENT(3))).toMatch(/configured/)
    expect(await run('apply -f -', SECRET('db'))).toMatch(/configured|unchanged/)
    expect(await stored('db')).toBe(CANARY)
    const ours = '--server-side --force-conflicts --field-manager=other -o yaml'
    expect(await run(`apply -f - ${ours}`, SECRET('db'))).toMatch(TOKEN_BASE64)
    expect(await run('diff -f -', DEPLOYMENT(3))).not.toContain('error')
    expect(await stored('db')).toBe(CANARY)
  })

  test('what was read through a mask cannot be written back, and nothing of it is stored', async () => {
    const read = await run('get secret db -o json')
    expect(await run('replace -f -', read)).toMatch(/holds a mask token/)
    expect(await run('apply -f -', read)).toMatch(/holds a mask token/)
    expect(await run('apply -f - --server-side --force-conflicts', read)).toMatch(
      /holds a mask token/,
    )
    const copy = { ...(JSON.parse(read) as object), metadata: { name: 'copy', namespace } }
    expect(await run('create -f -', JSON.stringify(copy))).toMatch(/data\.\w+ holds a mask token/)
    const patch = '[{"op":"test","path":"/data/password","value":"x"}]'
    expect(await run(`patch secret db --type=json -p ${patch}`)).toMatch(/test of .* would tell/)
    expect(await stored('db')).toBe(CANARY)
    await expect(core.readNamespacedSecret({ namespace, name: 'copy' })).rejects.toThrow(/404/)
  })

  test('a watch shows each change masked, as it comes', async () => {
    const caller = await fixture.connect()
    let got = ''
    caller.on('data', (chunk: Buffer) => {
      got += chunk.toString()
    })
    const head = [
      `GET /api/v1/namespaces/${namespace}/secrets?watch=1 HTTP/1.1`,
      ...['Host: kubernetes.default.svc', `Authorization: Bearer ${fixture.token}`],
    ]
    caller.write(`${head.join('\r\n')}\r\n\r\n`)
    await eventually('the first event', () => got.includes('"ADDED"'), 20_000)
    await run('label secret db watched=yes --overwrite')
    await eventually('the change', () => /"watched":"yes".*\n/s.test(got), 20_000)
    caller.destroy()
    expect(got).toMatch(TOKEN_BASE64)
    for (const sign of SIGNS) expect(got).not.toContain(sign)
  })

  const SECRETS = `/api/v1/namespaces/${namespace}/secrets`
  const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  const METADATA = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'

  test.each([
    ['a Table with objects', `${SECRETS}?includeObject=Object`, TABLE, '"kind":"Table"'],
    ['a Table with metadata', SECRETS, TABLE, '"kind":"Table"'],
    ['metadata', SECRETS, METADATA, 'PartialObjectMetadataList'],
    [
      'Protobuf first',
      SECRETS,
      'application/vnd.kubernetes.protobuf,application/json',
      'SecretList',
    ],
    ['YAML', SECRETS, 'application/yaml', 'SecretList'],
    ['a page', `${SECRETS}?limit=1`, '*/*', 'SecretList'],
    [
      'a watch with its first events',
      `${SECRETS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1`,
      'application/json',
      '"ADDED"',
    ],
    [
      'a watch of tables',
      `${SECRETS}?watch=1&timeoutSeconds=1&includeObject=Object`,
      TABLE,
      '"kind":"Table"',
    ],
    ['a watch that is too old', `${SECRETS}?watch=1&resourceVersion=1&timeoutSeconds=1`, '*/*', ''],
  ])('nothing is in %s', async (_name, target, accept, want) => {
    const answer = await fixture.call(target, {
      headers: ['accept', accept, 'accept-encoding', 'gzip'],
    })
    expect(answer.text).toContain(want)
    for (const sign of SIGNS) expect(answer.text).not.toContain(sign)
    expect(answer.headers).not.toHaveProperty('content-encoding')
  })

  test.each([
    ['a merge patch that changes nothing', 'PATCH', 'application/merge-patch+json', '{}', 200],
    ['a dry run', 'PATCH', 'application/merge-patch+json', '{"immutable":false}', 200],
    [
      'a value that is not one',
      'PATCH',
      'application/merge-patch+json',
      JSON.stringify({ metadata: { labels: { a: `${CANARY} no label` } } }),
      422,
    ],
    ['a value of another type', 'PATCH', 'application/merge-patch+json', '{"data":{"a":7}}', 422],
  ])('nothing is in the answer to %s', async (_name, method, type, body, status) => {
    const headers = ['content-type', type]
    const answer = await fixture.call(`${SECRETS}/db?dryRun=All`, { method, headers, body })
    expect(answer.httpStatus).toBe(status)
    for (const sign of SIGNS) expect(answer.text).not.toContain(sign)
  })
})
