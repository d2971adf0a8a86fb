import { ApiextensionsV1Api, CoreV1Api, CustomObjectsApi } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseMaskProfile } from '../../../core/masking/parse-mask-profile.ts'
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

/* Objects of somebody else's definition, of which a MaskProfile hides fields, before a real kube-apiserver. */

const kube = findKube() ?? ''
const program = findKubectl() ?? ''
const namespace = 'team'
const NUMBER = 'canary-4111-1111'
const PIN = 73_915
const STAFF = 'EMP-739152'
const TOKEN = /lanyard-masked-[0-9a-f]{24}/
const KIND = { group: 'pay.example.com', version: 'v1', plural: 'cards' }
const CARDS = `/apis/${KIND.group}/v1/namespaces/${namespace}/cards`
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'

const spec = {
  fields: [
    { apiGroups: [KIND.group], resources: ['cards'], path: '.spec.number' },
    { apiGroups: [KIND.group], resources: ['cards'], path: '.spec.holder.pin' },
  ],
  patterns: [{ name: 'staff', pattern: 'EMP-[0-9]{6}', examples: ['by EMP-123456'] }],
}

/** Shows the number as a column, and lets it be selected by. */
const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${KIND.plural}.${KIND.group}` },
  spec: {
    group: KIND.group,
    scope: 'Namespaced',
    names: { kind: 'Card', plural: 'cards', singular: 'card' },
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true },
        additionalPrinterColumns: [{ name: 'Number', type: 'string', jsonPath: '.spec.number' }],
        selectableFields: [{ jsonPath: '.spec.number' }, { jsonPath: '.spec.state' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  ...{ number: { type: 'string' }, state: { type: 'string' } },
                  note: { type: 'string' },
                  holder: { type: 'object', properties: { pin: { type: 'integer' } } },
                },
              },
            },
          },
        },
      },
    ],
  },
}

const aCard = (name: string) => ({
  ...{ apiVersion: `${KIND.group}/v1`, kind: 'Card', metadata: { name, namespace } },
  spec: { number: NUMBER, state: 'Open', note: `by ${STAFF}`, holder: { pin: PIN } },
})

let api: BareApiServer
let fixture: SidecarFixture
let kubectl: Kubectl
let custom: CustomObjectsApi

/** What kubectl says, well or ill; nothing hidden is in it. */
async function run(args: string, input = ''): Promise<string> {
  const words = ['--namespace', namespace, ...args.split(' ')]
  const text = await kubectl.run(words, input).catch((error: Error) => error.message)
  for (const sign of [NUMBER, `${PIN}`, STAFF]) expect(text).not.toContain(sign)
  return text
}

async function stored(name: string): Promise<unknown> {
  return (
    (await custom.getNamespacedCustomObject({ ...KIND, namespace, name })) as { spec: unknown }
  ).spec
}

function maskBy(profileSpec: object): void {
  const parsed = parseMaskProfile({ metadata: { name: 'payments' }, spec: profileSpec })
  const profiles = parsed.ok ? [parsed.profile] : []
  fixture.controlPlane.decide((_question, decisionId) => ({
    case: 'decision',
    value: {
      ...{ decisionId, effect: Effect.ALLOW_WITH_OBLIGATIONS },
      obligations: {
        mask: profiles.map(({ id }) => id),
        maskKey: new Uint8Array(32).fill(1),
        profiles: profiles.map(({ id, definition }) => ({ id, definition })),
      },
    },
  }))
}

describe.skipIf(kube === '' || program === '')('a MaskProfile before a real kube-apiserver', () => {
  beforeAll(async () => {
    api = await startBareApiServer(kube)
    const admin = await api.config('admin', 'system:masters')
    custom = admin.makeApiClient(CustomObjectsApi)
    const token = await makeAccount(admin)
    await admin
      .makeApiClient(ApiextensionsV1Api)
      .createCustomResourceDefinition({ body: DEFINITION })
    const cluster = admin.getCurrentCluster()
    fixture = await startSidecarFixture({ LANYARD_UPSTREAM_URL: cluster?.server ?? '' })
    await fixture.writeFile('api-token', token)
    await fixture.writeFile('api-ca', Buffer.from(cluster?.caData ?? '', 'base64').toString())
    await fixture.restart()
    maskBy(spec)
    kubectl = await createKubectl(program, podKubeconfig(fixture))
    const create = () =>
      custom.createNamespacedCustomObject({ ...KIND, namespace, body: aCard('one') })
    await vi.waitFor(create, 30_000)
    await admin.makeApiClient(CoreV1Api).createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: 'notes' }, data: { a: `x ${STAFF}` } },
    })
    await run('apply -f -', JSON.stringify(aCard('applied')))
  }, 120_000)

  afterAll(async () => {
    await kubectl?.[Symbol.asyncDispose]()
    await fixture?.close()
    await api?.close()
  })

  test.each([
    ['get card one -o yaml', TOKEN],
    ['get card one -o jsonpath={.spec.number}', /^lanyard-masked-[0-9a-f]{24}$/],
    ['get card one -o jsonpath={.spec.state}', /^Open$/],
    ['get cards', /applied .*\n.*one|one/],
    ['get cards -o wide', /one/],
    ['get cards -o json', TOKEN],
    ['describe card applied', TOKEN],
    ['get configmap notes -o jsonpath={.data.a}', /^x lanyard-masked-/],
    ['label card one a=b --overwrite', /labeled/],
    ['get cards -l a=b -o name', /card.*one/],
    ['get cards --field-selector spec.state=Open -o name', /one/],
    ['get cards --field-selector metadata.name=one -o name', /one/],
    ['patch card one --type=merge -p {"spec":{"state":"Shut"}}', /patched/],
    ['patch card one --type=merge -p {"spec":{"state":"Open"}}', /patched/],
  ])('kubectl %s', async (args, want) => {
    expect(await run(args)).toMatch(want)
  })

  test('kubectl apply works again on what it has applied', async () => {
    const changed = { ...aCard('applied'), spec: { ...aCard('applied').spec, state: 'Shut' } }
    expect(await run('apply -f -', JSON.stringify(changed))).toMatch(/configured/)
    expect(await stored('applied')).toEqual(changed.spec)
  })

  test.each([
    `${CARDS}?fieldSelector=spec.number%3D${NUMBER}`,
    `${CARDS}?fieldSelector=metadata.name%3Done,spec.number!%3D4`,
    `${CARDS}?watch=1&fieldSelector=spec.number%3Dx`,
  ])('%s is refused, since it would tell what is hidden', async (target) => {
    const answer = await fixture.call(target)
    expect(answer.httpStatus).toBe(403)
    expect(answer.text).toMatch(/a field selector for \\"spec.number\\" would tell what is hidden/)
  })

  test.each([
    [
      'a Table, in which nobody knows which cell shows the field',
      TABLE,
      406,
      /accept application\/json too/,
    ],
    ['a Table or an object', `${TABLE},application/json`, 200, /CardList/],
  ])('whoever takes %s gets none with values', async (_name, accept, status, want) => {
    const answer = await fixture.call(CARDS, { headers: ['accept', accept] })
    expect(answer.httpStatus).toBe(status)
    expect(answer.text).toMatch(want)
    for (const sign of [NUMBER, `${PIN}`, STAFF]) expect(answer.text).not.toContain(sign)
  })

  test('what was read through it cannot be written back, and nothing of it is stored', async () => {
    const read = await run('get card one -o json')
    expect(JSON.parse(read)).toMatchObject({ spec: { holder: { pin: null } } })
    expect(await run('replace -f -', read)).toMatch(
      /spec\.note holds a mask token|spec\.number holds a mask token/,
    )
    const half = { ...JSON.parse(read), spec: { state: 'Shut', holder: { pin: null } } }
    expect(await run('replace -f -', JSON.stringify(half))).toMatch(/spec\.holder\.pin is null/)
    const patch = JSON.stringify([{ op: 'test', path: '/spec/holder/pin', value: PIN }])
    expect(await run(`patch card one --type=json -p ${patch}`)).toMatch(/test of .* would tell/)
    expect(await stored('one')).toEqual(aCard('one').spec)
  })

  test('a watch shows each change masked, as it comes', async () => {
    const caller = await fixture.connect()
    let got = ''
    caller.on('data', (chunk: Buffer) => {
      got += chunk.toString()
    })
    const head = [
      `GET ${CARDS}?watch=1 HTTP/1.1`,
      ...['Host: kubernetes.default.svc', `Authorization: Bearer ${fixture.token}`],
    ]
    caller.write(`${head.join('\r\n')}\r\n\r\n`)
    await eventually('the first event', () => got.includes('"ADDED"'), 20_000)
    await run('label card one watched=yes --overwrite')
    await eventually('the change', () => /"watched":"yes".*\n/s.test(got), 20_000)
    caller.destroy()
    for (const sign of [NUMBER, `${PIN}`, STAFF]) expect(got).not.toContain(sign)
  })

  test('what it hid is reported by its id, and counted by its name', async () => {
    const { outcomes } = fixture.controlPlane
    const before = outcomes.length
    await fixture.call(`${CARDS}/one`)
    await eventually('the outcome', () => outcomes.length > before)
    expect(outcomes.at(-1)?.masked).toMatchObject([
      { mask: expect.stringMatching(/^payments@[0-9a-f]{16}$/), values: 3n },
    ])
    expect(await fixture.metrics()).toMatch(/masked_values_total\{mask="payments"\} \d/)
  })

  test('nothing passes where its definition did not come', async () => {
    fixture.controlPlane.decide((_question, decisionId) => ({
      case: 'decision',
      value: {
        ...{ decisionId, effect: Effect.ALLOW_WITH_OBLIGATIONS },
        obligations: { mask: ['payments@0123456789abcdef'], maskKey: new Uint8Array(32).fill(1) },
      },
    }))
    const answer = await fixture.call(`${CARDS}/one`)
    expect(answer.httpStatus).toBe(403)
    expect(answer.text).toContain('cannot carry out')
  })
})
