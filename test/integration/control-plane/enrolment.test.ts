import { Metadata, status } from '@grpc/grpc-js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SESSION_MS_MAX } from '../../../control-plane/sessions.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { WIRE_VERSION } from '../../../core/version-skew.ts'
import { VERSION } from '../../../platform/version.ts'
import {
  type EnrollResponse,
  EnrolmentService,
} from '../../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { createGrpcClient } from '../../../proto/grpc-service.ts'
import {
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { AGENT, aBinding, aPodUid, BUILD } from '../../support/record-builders.ts'

let fixture: ControlPlaneFixture

beforeAll(async () => {
  fixture = await startControlPlaneFixture()
  await fixture.store.bindings.record(aBinding([AGENT]))
})
afterAll(() => fixture.close())

function enroll(
  token: string,
  said: { readonly sidecarVersion?: string; readonly wireVersion?: number } = {},
): Promise<EnrollResponse> {
  const client = createGrpcClient(EnrolmentService, fixture.address, fixture.credentials)
  return new Promise<EnrollResponse>((resolve, reject) => {
    const request = { token, ...said }
    client.enroll(request, new Metadata(), { deadline: Date.now() + 5_000 }, (error, answer) => {
      if (error === null && answer !== undefined) resolve(answer)
      else reject(error)
    })
  }).finally(() => client.close())
}

const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
const boundTo = (podUid: string) => ({ [POD_UID_EXTRA]: [podUid] })

test('a pod-bound token gives a session and the chain', async () => {
  fixture.tokens.set('good', { ...account, extra: boundTo(AGENT.podUid) })
  const { session, expiresAt, chain } = await enroll('good')
  expect(session.length).toBeGreaterThan(40)
  expect(Number(expiresAt?.seconds) * 1_000).toBeLessThanOrEqual(Date.now() + SESSION_MS_MAX)
  expect(chain?.rootRequester?.username).toBe('alice')
  expect(fixture.logLines.join('')).not.toContain(session)
  expect(fixture.logLines.join('')).not.toContain('good')
})

test("versions are told both ways, and the chain has the sidecar's", async () => {
  fixture.tokens.set('good', { ...account, extra: boundTo(AGENT.podUid) })
  const answer = await enroll('good', { sidecarVersion: VERSION, wireVersion: WIRE_VERSION })
  expect(answer).toMatchObject({ controlPlaneVersion: VERSION, wireVersion: WIRE_VERSION })
  const found = await fixture.store.bindings.find(AGENT.podUid)
  expect(found?.sidecarVersion).toBe(VERSION)
  await enroll('good', { sidecarVersion: `9.9.9-${'x'.repeat(100)}` })
  const later = await fixture.store.bindings.find(AGENT.podUid)
  expect(later).toMatchObject({ sequence: found?.sequence })
  expect(later?.sidecarVersion).toMatch(/^9\.9\.9-x{58}$/)
  expect(fixture.logLines.join('')).toContain('Enrolled a sidecar that is not supported')
})

test.each([WIRE_VERSION + 1, 4_294_967_295])(
  'a sidecar of wire version %d does not enrol, and is told both versions',
  async (wireVersion) => {
    fixture.tokens.set('good', { ...account, extra: boundTo(AGENT.podUid) })
    await expect(enroll('good', { wireVersion })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(
        `speaks version ${wireVersion} of the protocol, and this control plane \\(.*\\) version ${WIRE_VERSION}`,
      ),
    })
  },
)

test('a pod is listed once it has enrolled, and not when it was only admitted', async () => {
  const { bindings } = fixture.store
  await bindings.record(aBinding([AGENT, BUILD]))
  fixture.tokens.set('good', { ...account, extra: boundTo(AGENT.podUid) })
  await enroll('good')
  await enroll('good')
  const listed = await bindings.list({}, { afterSequence: 0, limit: 9 })
  expect(listed.bindings.map(({ podUid }) => podUid)).toEqual([AGENT.podUid])
  expect(listed.sequence).toBe(1)
})

test.each([
  ['no token', '', [], status.UNAUTHENTICATED],
  ['a token that is not reviewed as ours', 'bad', [], status.UNAUTHENTICATED],
  ['a token longer than any', 'x'.repeat(20_000), [], status.UNAUTHENTICATED],
  ['a token bound to no pod', 'unbound', [{ ...account, extra: {} }], status.UNAUTHENTICATED],
  [
    "a token of another service account that claims this one's pod",
    'stolen',
    [{ ...serviceAccountUser('team', 'other'), extra: boundTo(AGENT.podUid) }],
    status.UNAUTHENTICATED,
  ],
  [
    'a user who is no service account',
    'person',
    [{ ...account, username: 'alice', extra: boundTo(AGENT.podUid) }],
    status.UNAUTHENTICATED,
  ],
  [
    'a pod that nobody is on record for',
    'stranger',
    [{ ...account, extra: boundTo(aPodUid(99)) }],
    status.NOT_FOUND,
  ],
])('%s is refused', async (_name, token, users, code) => {
  for (const user of users) fixture.tokens.set(token, user)
  await expect(enroll(token)).rejects.toMatchObject({ code })
})

test('a token of a pod that has ended gives no session, as long as kube-apiserver may take it', async () => {
  await fixture.store.bindings.record(aBinding([AGENT, BUILD]))
  const ofBuild = serviceAccountUser(BUILD.namespace, BUILD.serviceAccount)
  fixture.tokens.set('ended', { ...ofBuild, extra: boundTo(BUILD.podUid) })
  expect((await enroll('ended')).session).not.toBe('')
  fixture.podEnds.gone(BUILD.podUid)
  await expect(enroll('ended')).rejects.toMatchObject({
    code: status.UNAUTHENTICATED,
    details: expect.stringContaining('The pod of this token has ended'),
  })
})
