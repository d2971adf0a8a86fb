import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { serviceAccountUser } from '../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../core/names.ts'
import type { PolicyRule } from '../../core/policy/access-policy.ts'
import { loadConfig } from '../../platform/config.ts'
import { createLogger } from '../../platform/logger.ts'
import { sidecarConfig } from '../../sidecar/config.ts'
import { startSidecar } from '../../sidecar/start-sidecar.ts'
import {
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../support/control-plane-fixture.ts'
import { loadEarlierBuild } from '../support/earlier-build.ts'
import { type FakeApiServer, startFakeApiServer } from '../support/fake-api-server.ts'
import { aRule } from '../support/policy-builders.ts'
import { AGENT, aBinding } from '../support/record-builders.ts'

/*
 * Sidecar and control plane of different builds: what the older one does not know is a refusal. The
 * policies are put into the control plane as facts, since no AccessPolicy can say all of them yet.
 */

const SIDECAR = { startSidecar, sidecarConfig, loadConfig, createLogger }
type SidecarBuild = typeof SIDECAR
type ControlPlaneBuild = { startControlPlaneFixture: typeof startControlPlaneFixture }

const PODS = '/api/v1/namespaces/team/pods'
const OBLIGATIONS = { mask: ['faces'], record: 'none' as const, commands: [] }
let api: FakeApiServer
let earlierSidecar: SidecarBuild
let earlierControlPlane: ControlPlaneBuild
const closers: (() => Promise<unknown>)[] = []
const atEnd: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  api = await startFakeApiServer()
  const sidecar = await loadEarlierBuild<SidecarBuild>('sidecar-before-holds')
  const controlPlane = await loadEarlierBuild<ControlPlaneBuild>('control-plane-before-holds')
  earlierSidecar = sidecar.exports
  earlierControlPlane = controlPlane.exports
  atEnd.push(sidecar.close, controlPlane.close, () => api.close())
})
afterAll(async () => {
  for (const close of atEnd) await close()
})
beforeEach(() => {
  api.requests.length = 0
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function startControlPlane(build: ControlPlaneBuild): Promise<ControlPlaneFixture> {
  const fixture = await build.startControlPlaneFixture()
  closers.push(() => fixture.close())
  await fixture.store.bindings.record(aBinding([AGENT]))
  const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
  fixture.tokens.set('pod', { ...account, extra: { [POD_UID_EXTRA]: [AGENT.podUid] } })
  return fixture
}

interface Caller {
  get(target: string): Promise<{ httpStatus: number; retryAfter: string; text: string }>
}

async function startPod(build: SidecarBuild, controlPlane: ControlPlaneFixture): Promise<Caller> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-versions-'))
  const file = (name: string) => join(folder, name)
  await writeFile(file('token'), 'real')
  await writeFile(file('ca'), api.caPem)
  await writeFile(file('pod'), 'pod')
  const config = build.loadConfig(build.sidecarConfig, {
    ...{ prefix: 'LANYARD', args: [], readFile: () => '{}' },
    env: {
      LANYARD_CONTROL_PLANE_ADDRESS: controlPlane.address.replace('127.0.0.1', 'localhost'),
      LANYARD_CONTROL_PLANE_SERVER_NAME: 'lanyard-control-plane.lanyard-system.svc',
      LANYARD_CONTROL_PLANE_CA: controlPlane.caPem,
      ...{ LANYARD_CONTAINERS: 'app', LANYARD_POD_NAMESPACE: 'team' },
      ...{ LANYARD_UPSTREAM_URL: api.url, LANYARD_STATE_DIRECTORY: file('state') },
      ...{ LANYARD_API_TOKEN_FILE: file('token'), LANYARD_API_CA_FILE: file('ca') },
      LANYARD_CONTROL_PLANE_TOKEN_FILE: file('pod'),
      ...{ LANYARD_LISTEN_PORT_NUMBER: '0', LANYARD_HEALTH_PORT_NUMBER: '0' },
      ...{ LANYARD_HEALTH_HOST: '127.0.0.1', LANYARD_RECONNECT_WAIT_MS: '10000' },
    },
  })
  const logger = build.createLogger({ name: 'sidecar', level: 'error' }, { write: () => undefined })
  const sidecar = await build.startSidecar(config, {}, logger)
  closers.push(async () => {
    for (const closer of sidecar.closers) await closer.close()
    await rm(folder, { recursive: true })
  })
  const own = join(folder, 'state', 'containers', 'app')
  const ca = await readFile(join(own, 'ca.crt'), 'utf8')
  const token = await readFile(join(own, 'token'), 'utf8')
  return { get: (target) => get(sidecar.port, ca, token, target) }
}

function get(port: number, ca: string, token: string, path: string): ReturnType<Caller['get']> {
  const headers = { host: 'kubernetes.default.svc', authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, ca, agent: false, headers })
    outgoing.on('response', async (response) => {
      const chunks = (await response.toArray()) as Buffer[]
      const retryAfter = response.headers['retry-after'] ?? ''
      const text = Buffer.concat(chunks).toString()
      resolve({ httpStatus: response.statusCode ?? 0, retryAfter, text })
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

const rules = (parts: Partial<PolicyRule>) => [
  aRule({ verbs: ['list'] }),
  aRule({ verbs: ['list'], ...parts }),
]
const HOLDING = rules({ effect: 'RequireApproval', name: 'careful' })
const MASKING = rules({ obligations: OBLIGATIONS, name: 'masked' })

describe.each(['this build', 'the build before holds'])('a sidecar of %s', (which) => {
  const build = () => (which === 'this build' ? SIDECAR : earlierSidecar)

  test('passes what a control plane of this build allows, and refuses what it denies', async () => {
    const controlPlane = await startControlPlane({ startControlPlaneFixture })
    const pod = await startPod(build(), controlPlane)
    expect(await pod.get(PODS)).toMatchObject({ httpStatus: 200 })
    controlPlane.access.set('alice', 'denied')
    controlPlane.recheck()
    expect(await pod.get(PODS)).toMatchObject({ httpStatus: 403 })
    expect(api.requests).toHaveLength(1)
  })

  test('reads the same twice, ahead of the decision where both sides know how', async () => {
    const controlPlane = await startControlPlane({ startControlPlaneFixture })
    const pod = await startPod(build(), controlPlane)
    expect(await pod.get(PODS)).toMatchObject({ httpStatus: 200 })
    expect(await pod.get(PODS)).toMatchObject({ httpStatus: 200 })
    const { events } = await controlPlane.store.auditEvents.list({}, { afterSequence: 0, limit: 9 })
    expect(events.map(({ sentAhead = false }) => sentAhead)).toEqual([
      ...[false, which === 'this build'],
    ])
    expect(api.requests.map(({ headers }) => headers['audit-id'])).toEqual(
      events.map(({ id }) => id),
    )
  })

  test.each([
    ['a hold', HOLDING, 'hold'],
    ['an allow with obligations', MASKING, 'allow'],
  ])('lets nothing through on %s', async (_name, policies, effect) => {
    const controlPlane = await startControlPlane({ startControlPlaneFixture })
    controlPlane.policies.set('alice', policies)
    const pod = await startPod(build(), controlPlane)
    const { httpStatus } = await pod.get(PODS)
    expect([403, 503]).toContain(httpStatus)
    expect(api.requests).toEqual([])
    const { events } = await controlPlane.store.auditEvents.list({}, { afterSequence: 0, limit: 9 })
    expect(events).toEqual([expect.objectContaining({ effect })])
  })
})

test('a sidecar of this build passes and refuses what a control plane of before holds says', async () => {
  const controlPlane = await startControlPlane(earlierControlPlane)
  const pod = await startPod(SIDECAR, controlPlane)
  expect(await pod.get(PODS)).toMatchObject({ httpStatus: 200 })
  controlPlane.access.set('alice', 'denied')
  // Not told of: nothing is sent ahead of what an older control plane decides.
  expect(await pod.get(PODS)).toMatchObject({ httpStatus: 403 })
  expect(api.requests).toHaveLength(1)
})

describe('a sidecar of this build', () => {
  test('tells the caller of a hold to wait for the approval, and when to ask again', async () => {
    const controlPlane = await startControlPlane({ startControlPlaneFixture })
    controlPlane.policies.set('alice', HOLDING)
    const { httpStatus, retryAfter, text } = await (await startPod(SIDECAR, controlPlane)).get(PODS)
    expect({ httpStatus, retryAfter }).toEqual({ httpStatus: 403, retryAfter: '15' })
    expect(JSON.parse(text)).toMatchObject({
      reason: 'Forbidden',
      message: expect.stringMatching(/rule "policy\/careful" requires an approval; wait for it/),
      details: {
        retryAfterSeconds: 15,
        causes: expect.arrayContaining([
          { reason: 'LanyardRetryable', field: 'retryable', message: 'afterApproval' },
        ]),
      },
    })
  })

  test('masks what a control plane of this build asks for, and the record says how much', async () => {
    const controlPlane = await startControlPlane({ startControlPlaneFixture })
    const obligations = { ...OBLIGATIONS, mask: ['env-values'] }
    controlPlane.policies.set('alice', rules({ obligations, name: 'masked' }))
    const env = [{ name: 'DB_PASSWORD', value: 'hunter2' }]
    api.onRequest((incoming, outgoing) => {
      incoming.resume().on('end', () => {
        outgoing.writeHead(200, { 'content-type': 'application/json' })
        outgoing.end(JSON.stringify({ items: [{ spec: { containers: [{ env }] } }] }))
      })
    })
    const pod = await startPod(SIDECAR, controlPlane)
    const [first, second] = [await pod.get(PODS), await pod.get(PODS)]
    expect(first.text).toMatch(/"value":"lanyard-masked-[0-9a-f]{24}"/)
    expect(second.text).toBe(first.text)
    const read = () => controlPlane.store.auditEvents.list({}, { afterSequence: 0, limit: 9 })
    await expect
      .poll(async () => (await read()).events[0]?.outcome)
      .toMatchObject({ masked: [{ mask: 'env-values', values: 1 }] })
    expect((await read()).events[0]).toMatchObject({ effect: 'allow', obligations })
  })

  test('says which obligations it cannot carry out, and the record has them and the rules', async () => {
    const controlPlane = await startControlPlane({ startControlPlaneFixture })
    controlPlane.policies.set('alice', MASKING)
    const { httpStatus, text } = await (await startPod(SIDECAR, controlPlane)).get(PODS)
    expect(httpStatus).toBe(403)
    expect(text).toMatch(/only with these obligations: mask faces, which the sidecar/)
    const read = () => controlPlane.store.auditEvents.list({}, { afterSequence: 0, limit: 9 })
    await expect
      .poll(async () => (await read()).events[0]?.outcome)
      .toMatchObject({
        ...{ httpStatus: 403, fault: 'permission_denied' },
      })
    expect((await read()).events[0]).toMatchObject({
      obligations: OBLIGATIONS,
      matches: [
        {
          principal: 'alice',
          role: 'root requester',
          rules: [
            { name: 'policy/rule', effect: 'Allow' },
            { name: 'policy/masked', effect: 'Allow' },
          ],
        },
      ],
    })
  })
})
