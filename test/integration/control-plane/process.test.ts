import { type ChildProcess, execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { ChannelCredentials, Metadata, status } from '@grpc/grpc-js'
import {
  ApiregistrationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  PatchStrategy,
  RbacAuthorizationV1Api,
  setHeaderOptions,
} from '@kubernetes/client-node'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { AdmissionService } from '../../../proto/gen/lanyard/v1/admission_pb.ts'
import {
  AuthorizationService,
  type AuthorizeResponse,
  type AuthorizeStreamResponse,
  Effect,
} from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { EnrolmentService } from '../../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { createGrpcClient } from '../../../proto/grpc-service.ts'
import { type BareApiServer, freePort, startBareApiServer } from '../../support/bare-apiserver.ts'
import { bearer } from '../../support/control-plane-fixture.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../support/control-plane-process.ts'
import { findHelm, findKube, findKubectl } from '../../support/find-kubernetes.ts'
import { readLog } from '../../support/read-log.ts'

/*
 * The control plane as a process, with the rights of the chart, behind a real kube-apiserver: from its
 * start to its end. The tests stand in the order of its life.
 */

const CHART = resolve(import.meta.dirname, '../../../deploy/chart')
const SYSTEM = 'lanyard-system'
const NAME = 'lanyard-control-plane'
const kube = findKube()
const helm = findHelm()
const kubectl = findKubectl()
const missing = kube === undefined || helm === undefined || kubectl === undefined

let apiServer: BareApiServer
let admin: KubeConfig
let core: CoreV1Api
let folder: string
let controlPlane: ControlPlaneProcess
let caPem: string
const children: ChildProcess[] = []

const READY = '[+]draining ok\n[+]store ok\n[+]cluster ok\nok\n'
const ready = () => controlPlane.health('/readyz')

async function start(accessApiPort: number): Promise<void> {
  const kubeconfigFile = join(folder, 'control-plane')
  controlPlane = await startControlPlaneProcess({ folder, kubeconfigFile, accessApiPort })
  const isReady = async () => expect(await ready()).toEqual({ status: 200, text: READY })
  await vi.waitFor(isReady, 30_000)
}

/** There is no proxy for Services, so this one is a name for loopback. */
async function leadTo(port: number): Promise<void> {
  await core.deleteNamespacedService({ name: NAME, namespace: SYSTEM })
  const spec = { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] }
  await core.createNamespacedService({
    namespace: SYSTEM,
    body: { metadata: { name: NAME }, spec },
  })
  await admin.makeApiClient(ApiregistrationV1Api).patchAPIService(
    {
      name: 'v1alpha1.access.lanyard.dev',
      body: { spec: { service: { namespace: SYSTEM, name: NAME, port } } },
    },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  )
}

/** Namespace team, in which alice may list pods and nothing else. */
async function prepareTeam(): Promise<void> {
  const namespace = 'team'
  await core.createNamespace({ body: { metadata: { name: namespace } } })
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'agent' } } })
  const rbac = admin.makeApiClient(RbacAuthorizationV1Api)
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }]
  await rbac.createNamespacedRole({ namespace, body: { metadata: { name: 'list' }, rules } })
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: {
      metadata: { name: 'list' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'list' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'alice' }],
    },
  })
}

const channel = () =>
  [`localhost:${controlPlane.grpcPort}`, ChannelCredentials.createSsl(Buffer.from(caPem))] as const

/** A token for the control plane, as kubelet has it made. */
async function tokenFor(
  namespace: string,
  name: string,
  pod?: { readonly name: string; readonly uid: string },
): Promise<string> {
  const boundObjectRef = pod === undefined ? {} : { boundObjectRef: { kind: 'Pod', ...pod } }
  const spec = { audiences: [NAME], expirationSeconds: 600, ...boundObjectRef }
  const body = { spec }
  const answer = await core.createNamespacedServiceAccountToken({ name, namespace, body })
  return answer.status?.token ?? ''
}

/** A pod of alice, bound to her chain as the injector binds it; and the token of its sidecar. */
async function aPod(name: string): Promise<string> {
  const { metadata } = await core.createNamespacedPod({
    namespace: 'team',
    body: {
      metadata: { name },
      spec: { serviceAccountName: 'agent', containers: [{ name: 'app', image: 'app:1' }] },
    },
  })
  const uid = metadata?.uid ?? ''
  const client = createGrpcClient(AdmissionService, ...channel())
  const context = { user: { username: 'alice', groups: [] }, namespace: 'team' }
  const request = { context, podUid: uid, podName: name, serviceAccount: 'agent' }
  const injector = bearer(await tokenFor(SYSTEM, 'lanyard-injector'))
  await new Promise<void>((done, fail) => {
    client.bindPod(request, injector, {}, (error) => (error === null ? done() : fail(error)))
  })
  client.close()
  return tokenFor('team', 'agent', { name, uid })
}

function enroll(token: string): Promise<string> {
  const client = createGrpcClient(EnrolmentService, ...channel())
  return new Promise<string>((done, fail) => {
    client.enroll({ token }, new Metadata(), {}, (error, answer) =>
      error === null ? done(answer?.session ?? '') : fail(error),
    )
  }).finally(() => client.close())
}

type Message = AuthorizeStreamResponse['message']

/** A sidecar that has enrolled, with its stream. */
async function aSidecar(token: string) {
  const client = createGrpcClient(AuthorizationService, ...channel())
  const stream = client.authorizeStream(bearer(await enroll(token)))
  const answers = new Map<number, Message>()
  stream.on('data', (response: AuthorizeStreamResponse) => {
    const together = response.message.case === 'batch' ? response.message.value.messages : []
    for (const { correlation, message } of [response, ...together])
      answers.set(correlation, message)
  })
  stream.on('error', () => undefined)
  const revoked: string[] = []
  stream.on('data', ({ message }: AuthorizeStreamResponse) => {
    const batch = message.case === 'batch' ? message.value.messages : []
    for (const one of [message, ...batch.map((inner) => inner.message)])
      revoked.push(one.case === 'revocation' ? one.value.decisionId : '')
  })
  let correlation = 0
  return {
    async ask(verb: string): Promise<Message> {
      correlation += 1
      const asked = correlation
      const attributes = { verb, resourceRequest: true, resource: 'pods', namespace: 'team' }
      const value = { attributes, container: 'app' }
      stream.write({ correlation: asked, message: { case: 'authorize', value } })
      await expect.poll(() => answers.get(asked), { timeout: 10_000 }).toBeDefined()
      return answers.get(asked) as Message
    },
    /** Decisions that no longer hold. */
    revoked,
    /** Says how a request ended, without waiting. */
    report(decisionId: string): void {
      const value = { decisionId, httpStatus: 200, responseBytes: 7n }
      stream.write({ correlation: 0, message: { case: 'outcome', value } })
    },
    close(): void {
      stream.cancel()
      client.close()
    },
  }
}

const rows = () => readLog(controlPlane.databaseFile)

const runEnv = () => ({ ...process.env, KUBECONFIG: join(folder, 'admin'), HOME: folder })

async function read(...argv: readonly string[]): Promise<string> {
  const run = promisify(execFile)(kubectl ?? '', argv, { env: runEnv() })
  return run.then(
    ({ stdout }) => stdout,
    (error: { stderr: string }) => error.stderr,
  )
}

const allowed = { case: 'decision', value: { effect: Effect.ALLOW } }
const denied = { case: 'decision', value: { effect: Effect.DENY } }
const failure = (code: string) => ({ case: 'failure', value: { code } })

describe.skipIf(missing)('the control plane', () => {
  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    admin = await apiServer.config('admin', 'system:masters')
    core = admin.makeApiClient(CoreV1Api)
    folder = await mkdtemp(join(tmpdir(), 'lanyard-process-'))
    for (const [file, user, group] of [
      ['admin', 'admin', 'system:masters'],
      ['control-plane', `system:serviceaccount:${SYSTEM}:${NAME}`, 'system:serviceaccounts'],
    ] as const) {
      await writeFile(join(folder, file), await apiServer.kubeconfig(user, group))
    }
    await promisify(execFile)(
      helm ?? '',
      [
        ...['install', 'lanyard', CHART, '--namespace', SYSTEM, '--create-namespace'],
        ...['--kubeconfig', join(folder, 'admin')],
      ],
      { env: { ...process.env, HOME: folder } },
    )
    const accessApiPort = await freePort()
    await leadTo(accessApiPort)
    await prepareTeam()
    await start(accessApiPort)
    const { data } = await core.readNamespacedSecret({ name: 'lanyard-ca', namespace: SYSTEM })
    caPem = Buffer.from(data?.['tls.crt'] ?? '', 'base64').toString()
  }, 120_000)

  afterAll(async () => {
    for (const child of children) child.kill()
    await controlPlane?.terminate()
    await apiServer?.close()
    await rm(folder ?? '', { recursive: true, force: true })
  })

  test('is live and ready, and says of what', async () => {
    expect(await ready()).toEqual({ status: 200, text: READY })
    expect(await controlPlane.health('/livez')).toEqual({ status: 200, text: 'ok\n' })
    expect((await controlPlane.health('/')).status).toBe(404)
  })

  test('decides with the rights that the chart gives it, and records', async () => {
    const sidecar = await aSidecar(await aPod('agent'))
    const answer = await sidecar.ask('list')
    expect(answer).toMatchObject(allowed)
    expect(await sidecar.ask('delete')).toMatchObject(denied)
    expect(rows()).toMatchObject([{ effect: 'allow' }, { effect: 'deny' }])
    sidecar.close()
    const listed = () => read('get', 'auditevents', '-n', 'team')
    await expect.poll(listed, { timeout: 30_000 }).toMatch(/Deny/)
  })

  test('enrols no pod whose token kube-apiserver no longer takes: it was deleted', async () => {
    const token = await aPod('gone')
    await enroll(token)
    await core.deleteNamespacedPod({ name: 'gone', namespace: 'team', gracePeriodSeconds: 0 })
    const refused = { code: status.UNAUTHENTICATED }
    // kube-apiserver believes a token that it has just seen for ten seconds.
    await expect
      .poll(() => enroll(token).catch((error: unknown) => error), { timeout: 15_000 })
      .toMatchObject(refused)
  })

  test('writes the status of a policy, and keeps what others say there', async () => {
    const api = admin.makeApiClient(CustomObjectsApi)
    const kind = { group: 'lanyard.dev', version: 'v1alpha1', plural: 'accesspolicies' }
    const spec = {
      subjects: [{ kind: 'User', name: 'carol' }],
      rules: [{ name: 'all', effect: 'Allow', apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    }
    const metadata = { name: 'carol' }
    const body = { apiVersion: 'lanyard.dev/v1alpha1', kind: 'AccessPolicy', metadata, spec }
    await api.createClusterCustomObject({ ...kind, body })
    const conditions = async () => {
      const policy = (await api.getClusterCustomObject({ ...kind, name: 'carol' })) as {
        status?: { conditions?: { type: string; status: string }[] }
      }
      return policy.status?.conditions ?? []
    }
    await expect.poll(conditions, { timeout: 5_000 }).toMatchObject([{ type: 'Accepted' }])
    const lastTransitionTime = new Date().toISOString()
    const other = {
      type: 'Synced',
      status: 'True',
      reason: 'ByGit',
      message: '',
      lastTransitionTime,
    }
    const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
    const status = { conditions: [...(await conditions()), other] }
    await api.patchClusterCustomObjectStatus({ ...kind, name: 'carol', body: { status } }, merge)
    const broken = { spec: { rules: [{ ...spec.rules[0], mask: ['x'] }] } }
    await api.patchClusterCustomObject({ ...kind, name: 'carol', body: broken }, merge)
    const said = async () => (await conditions()).map((one) => `${one.type} ${one.status}`).sort()
    await expect.poll(said, { timeout: 5_000 }).toEqual(['Accepted False', 'Synced True'])
    await api.deleteClusterCustomObject({ ...kind, name: 'carol' })
  })

  test('names its metrics by convention, and describes each', async () => {
    const { text } = await controlPlane.health('/metrics')
    const types = new Map(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]),
    )
    const described = [...text.matchAll(/^# HELP (\S+) \S.*$/gm)].map(([, name]) => name)
    expect([...types.keys()].sort()).toEqual(described.sort())
    expect([...types]).toEqual(
      expect.arrayContaining([
        ['lanyard_decisions_total', 'counter'],
        ['lanyard_decision_duration_seconds', 'histogram'],
        ['lanyard_open_decisions', 'gauge'],
      ]),
    )
    for (const [name, type] of types) {
      expect(name).toMatch(/^(?:lanyard|process)_[a-z]+(?:_[a-z]+)*$/)
      expect(String(name).endsWith('_total'), name).toBe(type === 'counter')
      expect(/_seconds$/.test(String(name)), name).toBe(type === 'histogram')
      expect(/_bytes$/.test(String(name)) && type !== 'gauge', name).toBe(false)
    }
    expect(text).toContain('lanyard_decisions_total{effect="allow"} 1')
    expect(text).not.toMatch(/alice|team|agent/)
  })

  test('a ceiling and a narrowing take away while they are there, and say that they hold', async () => {
    const api = admin.makeApiClient(CustomObjectsApi)
    const where = { group: 'lanyard.dev', version: 'v1alpha1' }
    const anything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }
    const ceilings = { ...where, plural: 'accessceilings' }
    const narrowings = { ...where, plural: 'narrowingpolicies', namespace: 'team' }
    const object = (kind: string, rule: object) => ({
      ...{ apiVersion: 'lanyard.dev/v1alpha1', kind, metadata: { name: 'quiet' } },
      spec: { rules: [{ name: 'r', ...anything, ...rule }] },
    })
    const sidecar = await aSidecar(await aPod('limited'))
    const answer = { timeout: 5_000, interval: 100 }
    const isAccepted = { status: { conditions: [{ type: 'Accepted', status: 'True' }] } }
    expect(await sidecar.ask('list')).toMatchObject(allowed)

    const when = "chain.rootRequester.username == 'alice' && now > chain.began"
    const deny = object('NarrowingPolicy', { effect: 'Deny', when })
    await api.createNamespacedCustomObject({ ...narrowings, body: deny })
    await expect.poll(() => sidecar.ask('list'), answer).toMatchObject(denied)
    const narrowing = () => api.getNamespacedCustomObject({ ...narrowings, name: 'quiet' })
    await expect.poll(narrowing, answer).toMatchObject(isAccepted)
    await api.deleteNamespacedCustomObject({ ...narrowings, name: 'quiet' })
    await expect.poll(() => sidecar.ask('list'), answer).toMatchObject(allowed)

    const allow = { effect: 'Allow', namespaces: ['*'], verbs: ['get'] }
    await api.createClusterCustomObject({ ...ceilings, body: object('AccessCeiling', allow) })
    await expect.poll(() => sidecar.ask('list'), answer).toMatchObject(denied)
    const ceiling = () => api.getClusterCustomObject({ ...ceilings, name: 'quiet' })
    await expect.poll(ceiling, answer).toMatchObject(isAccepted)
    await api.deleteClusterCustomObject({ ...ceilings, name: 'quiet' })
    await expect.poll(() => sidecar.ask('list'), answer).toMatchObject(allowed)
    sidecar.close()
  })

  test('lets nobody foresee what a condition allows, and cuts what is open when its time is over', async () => {
    const api = admin.makeApiClient(CustomObjectsApi)
    const group = { group: 'lanyard.dev', version: 'v1alpha1', namespace: 'team' }
    const narrowings = { ...group, plural: 'narrowingpolicies' }
    const sidecar = await aSidecar(await aPod('timed'))
    const answer = { timeout: 5_000, interval: 100 }
    const ask = async () => (await sidecar.ask('list')).value as Partial<AuthorizeResponse>
    const isForeseeable = async () => (await ask()).mayBeForeseen
    await expect.poll(isForeseeable, answer).toBe(true)

    const endMs = Date.now() + 6_000
    const when = `now >= timestamp('${new Date(endMs).toISOString()}')`
    const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }
    const rules = [{ name: 'later', effect: 'Deny', ...everything, when }]
    const metadata = { name: 'later' }
    const body = { apiVersion: 'lanyard.dev/v1alpha1', kind: 'NarrowingPolicy', metadata }
    await api.createNamespacedCustomObject({ ...narrowings, body: { ...body, spec: { rules } } })
    await expect.poll(isForeseeable, answer).toBe(false)
    const open = await ask()
    expect(open).toMatchObject({ effect: Effect.ALLOW, mayBeForeseen: false })
    expect(Date.now()).toBeLessThan(endMs)
    const isCut = () => sidecar.revoked.includes(open.decisionId ?? '')
    await expect.poll(isCut, { timeout: 10_000, interval: 20 }).toBe(true)
    const lateMs = Date.now() - endMs
    expect(lateMs).toBeGreaterThan(0)
    // Two seconds, and one that a busy machine may add.
    expect(lateMs).toBeLessThan(3_000)
    expect((await ask()).effect).toBe(Effect.DENY)
    await api.deleteNamespacedCustomObject({ ...narrowings, name: 'later' })
    await expect.poll(async () => (await ask()).effect, answer).toBe(Effect.ALLOW)
    sidecar.close()
  })

  test('tells sidecars what MaskProfiles say, and refuses what names one that is not there or not valid', async () => {
    const api = admin.makeApiClient(CustomObjectsApi)
    const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
    const group = { group: 'lanyard.dev', version: 'v1alpha1' }
    const apiVersion = 'lanyard.dev/v1alpha1'
    const policies = { ...group, plural: 'accesspolicies' }
    const profiles = { ...group, plural: 'maskprofiles' }
    const nodes = { ...profiles, name: 'nodes' }
    const aProfile = (spec: object, name = 'nodes') =>
      ({ apiVersion, kind: 'MaskProfile', metadata: { name }, spec }) as const
    const hides = (path: string) => ({ fields: [{ apiGroups: [''], resources: ['pods'], path }] })
    const make = (kind: typeof profiles, body: object) =>
      api.createClusterCustomObject({ ...kind, body })
    const change = (spec: object) =>
      api.patchClusterCustomObject({ ...nodes, body: { spec } }, merge)
    const condition = async () => {
      const { status: said } = (await api.getClusterCustomObject(nodes)) as {
        status?: { conditions?: { status: string; message: string }[] }
      }
      return said?.conditions?.[0]
    }
    const rule = { name: 'all', effect: 'Allow', apiGroups: ['*'], resources: ['*'], verbs: ['*'] }
    const subjects = [{ kind: 'User', name: 'alice' }]
    const rules = [{ ...rule, namespaces: ['team'], mask: ['nodes'] }]
    const metadata = { name: 'alice' }
    await make(policies, { apiVersion, kind: 'AccessPolicy', metadata, spec: { subjects, rules } })
    const sidecar = await aSidecar(await aPod('masked'))
    const ask = async () => (await sidecar.ask('list')).value as Partial<AuthorizeResponse>
    const told = async () => (await ask()).message
    const soon = { timeout: 10_000 }
    await expect.poll(told, soon).toMatch(/AccessPolicy "alice" is not valid/)

    await make(profiles, aProfile(hides('.spec.nodeName')))
    const allowance = async () => {
      const { effect, obligations, decisionId } = await ask()
      return {
        effect,
        decisionId,
        mask: obligations?.mask,
        told: obligations?.profiles.map(({ id }) => id),
      }
    }
    const seen: Awaited<ReturnType<typeof allowance>>[] = []
    const next = async () => {
      seen.push(await allowance())
      return seen.at(-1)?.effect
    }
    await expect.poll(next, soon).toBe(Effect.ALLOW_WITH_OBLIGATIONS)
    await next()
    const first = seen.at(-1)
    expect(first?.mask).toEqual([expect.stringMatching(/^nodes@[0-9a-f]{16}$/)])
    // Once over the stream, however often it is named.
    expect(seen.flatMap((one) => one.told ?? [])).toEqual(first?.mask)
    await expect.poll(condition, soon).toMatchObject({ status: 'True' })

    await change(hides('.spec.hostname'))
    await expect.poll(() => sidecar.revoked, soon).toContain(first?.decisionId)
    const second = await allowance()
    expect(second.mask).not.toEqual(first?.mask)
    expect(second.told).toEqual(second.mask)

    await change(hides('.a[?(@.b)]'))
    await expect.poll(told, soon).toMatch(/AccessPolicy "alice" is not valid/)
    await expect.poll(condition, soon).toMatchObject({
      status: 'False',
      message: expect.stringContaining('spec.fields[0].path: must be a JSON path'),
    })
    await expect(make(profiles, aProfile(hides('.a'), 'credentials'))).rejects.toThrow(
      /built-in mask/,
    )
    await expect(make(profiles, aProfile({}, 'empty'))).rejects.toThrow(/needs fields or patterns/)
    await api.deleteClusterCustomObject(nodes)
    await api.deleteClusterCustomObject({ ...policies, name: 'alice' })
    await expect.poll(async () => (await ask()).effect, soon).toBe(Effect.ALLOW)
    sidecar.close()
  })

  test('is not ready while it cannot record, says so to who asks, and can be read', async () => {
    const sidecar = await aSidecar(await aPod('writer'))
    const before = rows().length
    const other = new Sqlite(controlPlane.databaseFile)
    other.exec('begin immediate')
    expect(await sidecar.ask('list')).toMatchObject(failure('audit_unavailable'))
    const { status: code, text } = await ready()
    expect(code).toBe(503)
    expect(text).toMatch(/^\[-\]store failed: .+$/m)
    expect((await controlPlane.health('/livez')).status).toBe(200)
    expect(await read('get', 'auditevents', '-n', 'team')).toMatch(/Deny/)
    other.exec('rollback')
    other.close()
    await expect.poll(ready, { timeout: 10_000 }).toEqual({ status: 200, text: READY })
    expect(await sidecar.ask('list')).toMatchObject(allowed)
    expect(rows()).toHaveLength(before + 1)
    sidecar.close()
  })

  test('ends in order at SIGTERM although somebody watches: agents are served to the last', async () => {
    const sidecar = await aSidecar(await aPod('last'))
    expect(await sidecar.ask('delete')).toMatchObject(denied)
    const watching = execFile(kubectl ?? '', ['get', 'auditevents', '-n', 'team', '-w'], {
      env: runEnv(),
    })
    children.push(watching)
    let shown = ''
    watching.stdout?.on('data', (text: string) => {
      shown += text
    })
    await expect.poll(() => shown, { timeout: 20_000 }).toMatch(/Deny/)
    const answer = await sidecar.ask('list')
    const { decisionId } = answer.value as { decisionId: string }
    const ended = controlPlane.terminate()
    // Before the last question on the same stream, so that the answer to that says that it arrived.
    sidecar.report(decisionId)
    await expect
      .poll(ready)
      .toMatchObject({ status: 503, text: expect.stringContaining('[-]draining') })
    expect((await controlPlane.health('/livez')).status).toBe(200)
    // The stream is there until the readers are gone and the last questions are answered.
    expect(await sidecar.ask('list')).toMatchObject(allowed)
    const { code, ms } = await ended
    expect(code).toBe(0)
    expect(ms).toBeLessThan(6_000)
    // The last connection takes the write-ahead log with it.
    expect(existsSync(`${controlPlane.databaseFile}-wal`)).toBe(false)
    const recorded = rows()
    expect(recorded.find(({ id }) => id === decisionId)).toMatchObject({ httpStatus: 200 })
    expect(recorded.at(-1)).toMatchObject({ effect: 'allow', httpStatus: null })
    expect(controlPlane.logLines.join('')).toContain('"msg":"Stopped"')
    watching.kill()
    sidecar.close()
  })

  test('decides nothing once kube-apiserver is gone, whatever it remembers', async () => {
    await start(controlPlane.accessApiPort)
    const sidecar = await aSidecar(await aPod('left'))
    expect(await sidecar.ask('list')).toMatchObject(allowed)
    const before = rows()
    await apiServer.close()
    await expect
      .poll(ready)
      .toMatchObject({ status: 503, text: expect.stringContaining('[-]cluster') })
    // The review of this very question is remembered.
    expect(await sidecar.ask('list')).toMatchObject(failure('decision_unavailable'))
    expect(await sidecar.ask('delete')).toMatchObject(failure('decision_unavailable'))
    expect(rows()).toEqual(before)
    expect((await controlPlane.health('/livez')).status).toBe(200)
    sidecar.close()
    expect((await controlPlane.terminate()).code).toBe(0)
  }, 90_000)

  test('has logged no token and no session', () => {
    expect(controlPlane.logLines.join('\n')).not.toMatch(/eyJ[\w-]+\./)
  })
})
