import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ADMISSION_ROOT } from '../../../core/names.ts'
import type { Pod } from '../../../core/pods/pod.ts'
import type { PatchOperation } from '../../../injector/admission/json-patch.ts'
import {
  INJECTOR_TOKEN,
  type InjectorFixture,
  MUTATE,
  startInjectorFixture,
  VALIDATE,
} from '../../support/injector-fixture.ts'
import { aPod } from '../../support/pod-builders.ts'
import { createTestAuthority } from '../../support/test-certificates.ts'

/* The injector's process over TLS, against the admission service of the control plane. */

let injector: InjectorFixture
beforeAll(async () => {
  injector = await startInjectorFixture()
  injector.publishAuthority()
  await vi.waitFor(async () => expect((await injector.health('/readyz')).status).toBe(200), 20_000)
})
afterAll(() => injector.close())

const MEBIBYTE = 1_024 * 1_024
const alice = { username: 'alice', groups: ['developers'] }
const aRequest = (object: object, fields: object = {}) => ({
  uid: 'r-1',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  namespace: 'team',
  operation: 'CREATE',
  userInfo: alice,
  object,
  ...fields,
})

/** Mutates a pod as kube-apiserver would, by the patch that the webhook answers. */
async function mutated(pod: Pod, fields: object = {}): Promise<Pod> {
  const answer = await injector.review(MUTATE, aRequest(pod, fields))
  expect(answer).toMatchObject({ uid: 'r-1', allowed: true, patchType: 'JSONPatch' })
  const patch = JSON.parse(
    Buffer.from(String(answer['patch']), 'base64').toString(),
  ) as readonly PatchOperation[]
  const copy = structuredClone(pod) as unknown as Record<string, Record<string, unknown>>
  for (const { path, value } of patch) {
    const [, part = '', field = ''] = path.split('/')
    ;(copy[part] as Record<string, unknown>)[field] = value
  }
  return copy as unknown as Pod
}

const named = (uid: string, spec: Partial<Pod['spec']> = {}): Pod => aPod(spec, { uid, name: uid })
const validate = (pod: Pod, fields: object = {}) => injector.review(VALIDATE, aRequest(pod, fields))

describe('a pod', () => {
  test('is mutated, validated, and bound to who creates it', async () => {
    const pod = await mutated(named('u-1'))
    expect(pod.metadata.annotations?.['lanyard.dev/root-requester']).toBe('alice')
    expect(await validate(pod)).toEqual({ uid: 'r-1', allowed: true })
    const binding = await injector.store.bindings.find('u-1')
    expect(binding?.chain).toEqual({
      rootRequester: { username: 'alice', uid: '', groups: ['developers'], extra: {} },
      coRequesters: [],
      actors: [{ podUid: 'u-1', namespace: 'team', name: 'u-1', serviceAccount: 'agent', via: [] }],
    })
  })

  test("is told the API server's address and authority as the injector knows them now", async () => {
    const told = async (uid: string) => {
      const [sidecar] = (await mutated(named(uid))).spec.initContainers ?? []
      return Object.fromEntries((sidecar?.env ?? []).map(({ name, value }) => [name, value]))
    }
    const { url, caPem } = injector.api
    expect(await told('u-50')).toMatchObject({ LANYARD_UPSTREAM_URL: url, LANYARD_API_CA: caPem })
    const both = `${caPem}\n${(await createTestAuthority('next')).certificatePem}`
    injector.setApiCa(both)
    expect(await told('u-51')).toMatchObject({ LANYARD_UPSTREAM_URL: url, LANYARD_API_CA: both })
    injector.setApiCa(caPem)
  })

  test('that another pod creates has the same root requester', async () => {
    await validate(await mutated(named('u-2')))
    const userInfo = {
      username: 'system:serviceaccount:team:agent',
      groups: ['system:serviceaccounts'],
      extra: { 'authentication.kubernetes.io/pod-uid': ['u-2'] },
    }
    const pod = await mutated(named('u-3'), { userInfo })
    expect(pod.metadata.annotations?.['lanyard.dev/chain']).toBe('alice > team/u-2')
    expect(await validate(pod, { userInfo })).toMatchObject({ allowed: true })
    const binding = await injector.store.bindings.find('u-3')
    expect(binding?.chain.actors.map(({ podUid }) => podUid)).toEqual(['u-2', 'u-3'])
  })

  test('of a Job that alice created has alice as root requester', async () => {
    const job = {
      kind: { group: 'batch', version: 'v1', kind: 'Job' },
      resource: { group: 'batch', version: 'v1', resource: 'jobs' },
    }
    const recorded = await validate({ metadata: { name: 'j', uid: 'job-1' } } as Pod, job)
    expect(recorded).toEqual({ uid: 'r-1', allowed: true })
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'job-1', controller: true }
    const userInfo = { username: 'system:serviceaccount:kube-system:job-controller' }
    const made = aPod({}, { uid: 'u-4', name: 'u-4', ownerReferences: [owner] })
    const pod = await mutated(made, { userInfo })
    expect(await validate(pod, { userInfo })).toMatchObject({ allowed: true })
    const binding = await injector.store.bindings.find('u-4')
    expect(binding?.chain.rootRequester.username).toBe('alice')
    expect(binding?.chain.actors[0]?.via).toEqual([{ kind: 'Job', name: 'j' }])
  })

  test('leaves nothing on record in a dry run', async () => {
    const pod = await mutated(named('u-5'), { dryRun: true })
    expect(await validate(pod, { dryRun: true })).toMatchObject({ allowed: true })
    expect(await injector.store.bindings.find('u-5')).toBeUndefined()
  })

  test('leaves nothing on record when it is refused', async () => {
    const pod = await mutated(named('u-6'))
    const late = { ...pod, spec: { ...pod.spec, shareProcessNamespace: true } }
    expect(await validate(late)).toMatchObject({ allowed: false, status: { code: 403 } })
    expect(await validate(named('u-6'))).toMatchObject({ allowed: false })
    expect(await injector.store.bindings.find('u-6')).toBeUndefined()
  })

  test('whose UID is bound already to somebody else is refused', async () => {
    await validate(await mutated(named('u-7')))
    const userInfo = { username: 'mallory' }
    const pod = await mutated(named('u-7'), { userInfo })
    expect(await validate(pod, { userInfo })).toMatchObject({
      allowed: false,
      status: { code: 409, reason: 'Conflict' },
    })
    const binding = await injector.store.bindings.find('u-7')
    expect(binding?.chain.rootRequester.username).toBe('alice')
  })

  test('that projects a token for the audience of this API server is refused', async () => {
    const token = { serviceAccountToken: { path: 't', audience: 'https://oidc.example/id/1' } }
    const volumes = [{ name: 'v', projected: { sources: [token] } }]
    const answer = await injector.review(MUTATE, aRequest(named('u-8', { volumes })))
    expect(answer).toMatchObject({ allowed: false, status: { code: 403 } })
  })
})

describe('a body that is no AdmissionReview gets 400:', () => {
  test.each<[string, string]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['no uid', JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' })],
    ['another kind', JSON.stringify({ apiVersion: 'v1', kind: 'Pod', request: { uid: 'r-1' } })],
  ])('%s', async (_name, body) => {
    for (const path of [MUTATE, VALIDATE]) {
      const answer = await injector.post(path, body)
      expect(answer.status).toBe(400)
      expect(answer.text).not.toContain('allowed')
    }
  })

  test('or 413, when it says that it is huge', async () => {
    const { host, port } = injector.webhooks
    const headers = { 'content-length': 9 * MEBIBYTE, 'x-remote-user': 'system:apiserver' }
    const target = { host, port, path: MUTATE, ...injector.frontProxy, method: 'POST' }
    // Nothing but the head is sent: the answer does not wait for a body.
    const sent = request({ ...target, headers, agent: false })
    sent.flushHeaders()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(413)
    sent.on('error', () => undefined).destroy()
  })

  test('or 413, when it turns out to be huge', async () => {
    const body = JSON.stringify({ pad: 'x'.repeat(8 * MEBIBYTE) })
    const headers = { 'transfer-encoding': 'chunked' }
    expect((await injector.post(MUTATE, body, { headers })).status).toBe(413)
  })
})

describe('a stranger', () => {
  const mallory = { username: 'kubernetes-admin', groups: ['system:masters'] }
  const stranger = () => ({ agent: false, ca: injector.authorityPem }) as const
  const forged = async (uid: string) => {
    const pod = await mutated(named(uid))
    const request = aRequest(pod, { userInfo: mallory })
    return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request })
  }

  test('without a certificate binds nothing, whatever name it gives itself', async () => {
    for (const path of [MUTATE, VALIDATE, '/mutate', '/validate', '/']) {
      const { status, text } = await injector.post(path, await forged('u-40'), stranger())
      expect(status).toBe(401)
      expect(JSON.parse(text)).toMatchObject({ kind: 'Status', reason: 'Unauthorized' })
    }
    expect(await injector.store.bindings.find('u-40')).toBeUndefined()
    const { text } = await injector.health('/metrics')
    expect(text).toMatch(/lanyard_injector_strangers_total [1-9]/)
  })

  test('with a certificate of another authority binds nothing', async () => {
    const other = await (await createTestAuthority('other')).issueClient('front-proxy-client')
    const options = { ...stranger(), cert: other.certificatePem, key: other.privateKeyPem }
    expect((await injector.post(VALIDATE, await forged('u-41'), options)).status).toBe(401)
    expect(await injector.store.bindings.find('u-41')).toBeUndefined()
  })

  test.each(['kubernetes-admin', 'system:serviceaccount:team:agent', 'system:apiserver2'])(
    'who comes through kube-apiserver as %s binds nothing',
    async (user) => {
      const headers = { 'x-remote-user': user, 'x-remote-group': 'system:masters' }
      expect((await injector.post(VALIDATE, await forged('u-42'), { headers })).status).toBe(403)
      expect(await injector.store.bindings.find('u-42')).toBeUndefined()
    },
  )
})

test('kube-apiserver learns that the API is there, and nothing of what is in it', async () => {
  const { status, text } = await injector.post(ADMISSION_ROOT, '', { method: 'GET' })
  expect(status).toBe(200)
  expect(JSON.parse(text)).toMatchObject({ kind: 'APIResourceList', resources: [] })
  expect((await injector.post('/apis', '', { method: 'GET' })).status).toBe(404)
  // kube-apiserver asks for both and complains when they are missing.
  for (const path of ['/openapi/v2', '/openapi/v3']) {
    const document = await injector.post(path, '', { method: 'GET' })
    expect(document.status).toBe(200)
    expect(JSON.parse(document.text)).toMatchObject({ paths: {} })
  }
})

describe('a client', () => {
  test('that does not trust the authority does not connect', async () => {
    await expect(injector.post(MUTATE, '', { agent: false })).rejects.toThrow(/certificate/)
  })

  test('of TLS 1.1 does not connect', async () => {
    const options = { agent: false, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' } as const
    await expect(
      injector.post(MUTATE, '', { ...options, ca: injector.authorityPem }),
    ).rejects.toThrow()
  })
})

describe('without the control plane', () => {
  const CLEAR = "lanyard: Lanyard's control plane does not answer"

  test('nothing is admitted, and the reason says so', async () => {
    const pod = await mutated(named('u-20'))
    injector.stopControlPlane()
    for (const answer of [
      await injector.review(MUTATE, aRequest(named('u-20'))),
      await validate(pod),
    ]) {
      expect(answer).toMatchObject({
        allowed: false,
        status: { code: 503, message: expect.stringContaining(CLEAR) },
      })
    }
    await injector.startControlPlane()
    await vi.waitFor(
      async () => expect(await validate(pod)).toMatchObject({ allowed: true }),
      10_000,
    )
  })

  test('that answers nothing, the webhook answers before its own time is up', async () => {
    await injector.silenceControlPlane()
    const began = performance.now()
    await vi.waitFor(
      async () => {
        const answer = await injector.review(MUTATE, aRequest(named('u-21')))
        expect(answer).toMatchObject({ allowed: false, status: { code: 503 } })
        // Not refused immediately: the question was taken and not answered.
        expect(performance.now() - began).toBeGreaterThan(4_000)
      },
      { timeout: 9_000, interval: 100 },
    )
    expect(performance.now() - began).toBeLessThan(9_000)
    injector.stopControlPlane()
    await injector.startControlPlane()
  })

  test('that does not take the token, nothing is admitted until there is a new one', async () => {
    injector.setToken('expired')
    await vi.waitFor(async () => {
      const answer = await injector.review(MUTATE, aRequest(named('u-22')))
      expect(answer).toMatchObject({ allowed: false, status: { code: 503 } })
    })
    injector.setToken(INJECTOR_TOKEN)
    await vi.waitFor(
      async () =>
        expect(await injector.review(MUTATE, aRequest(named('u-22')))).toMatchObject({
          allowed: true,
        }),
      10_000,
    )
  })
})

test('the log holds neither tokens nor bodies', async () => {
  const env = [{ name: 'PASSWORD', value: 'canary-77' }]
  const containers = [{ name: 'app', env }]
  await injector.review(MUTATE, aRequest(named('u-30', { containers, hostPID: true })))
  await vi.waitFor(() => expect(injector.log()).toContain('hostPID'), 5_000)
  expect(injector.log()).not.toMatch(/canary-77|token-of-the-injector|PRIVATE KEY/)
})
