import { existsSync, readFileSync } from 'node:fs'
import { Metadata, type ServiceError } from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { AdmissionService, WorkloadChange } from '../../../proto/gen/lanyard/v1/admission_pb.ts'
import { AuthorizationService } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { EnrolmentService } from '../../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { createGrpcClient } from '../../../proto/grpc-service.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { AGENT, aBinding } from '../../support/record-builders.ts'

/* What is secret reaches neither the database, whole or in parts, nor the log. */

let fixture: ControlPlaneFixture
let channel: readonly [string, ControlPlaneFixture['credentials']]

beforeEach(async () => {
  fixture = await startControlPlaneFixture()
  channel = [fixture.address, fixture.credentials]
  await fixture.store.bindings.record(aBinding([AGENT]))
})
afterEach(() => fixture.close())

/** A token as kube-apiserver signs them: three parts, of which the last is the secret one. */
const aToken = (of: string) =>
  `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(`{"sub":"canary-${of}"}`).toString('base64url')}.canary-signature-${of}`

const POD_TOKEN = aToken('pod')
const INJECTOR_TOKEN = aToken('injector')
const GUESSED = 'canary-of-a-session-that-nobody-was-given'

type Callback<Response> = (error: ServiceError | null, response?: Response) => void

function settled<Response>(
  call: (callback: Callback<Response>) => unknown,
): Promise<Response | undefined> {
  return new Promise((resolve) => {
    call((_error, response) => resolve(response))
  })
}

/** Every byte of the store and every line of the log. */
function everythingKept(): string {
  const files = ['', '-wal', '-shm'].map((suffix) => `${fixture.databasePath}${suffix}`)
  const bytes = files.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'latin1'))
  return [...bytes, ...fixture.logLines].join('\n')
}

test('no token, session or credential that a caller puts in its user agent is kept', async () => {
  const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
  fixture.tokens.set(POD_TOKEN, { ...account, extra: { [POD_UID_EXTRA]: [AGENT.podUid] } })
  fixture.tokens.set(INJECTOR_TOKEN, serviceAccountUser('lanyard-system', 'lanyard-injector'))
  const enrolment = createGrpcClient(EnrolmentService, ...channel)
  const authorization = createGrpcClient(AuthorizationService, ...channel)
  const admission = createGrpcClient(AdmissionService, ...channel)
  const enrolled = await settled<{ session: string }>((done) =>
    enrolment.enroll({ token: POD_TOKEN }, new Metadata(), {}, done),
  )
  const session = enrolled?.session ?? ''
  await settled((done) => enrolment.enroll({ token: aToken('other') }, new Metadata(), {}, done))
  const context = { user: { username: 'alice', groups: [] }, namespace: 'team' }
  const workload = { context, apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u' }
  await settled((done) =>
    admission.recordWorkload(
      { ...workload, change: WorkloadChange.CREATED },
      bearer(INJECTOR_TOKEN),
      {},
      done,
    ),
  )
  const attributes = {
    verb: 'get',
    resourceRequest: true,
    resource: 'pods',
    namespace: 'team',
    name: 'known',
  }
  const agents = [
    'plain-client/1.0',
    `client/1.0 ${POD_TOKEN}`,
    `client/1.0 (token=${POD_TOKEN.slice(0, 60)})`,
    'client/1.0 Authorization: Bearer canary-opaque',
    'client/1.0 bearer   canary-opaque',
    'client/1.0 authorization: Basic Y2FuYXJ5LW9wYXF1ZQ==',
  ]
  for (const userAgent of agents) {
    const question = { attributes, container: 'app', userAgent }
    await settled((done) => authorization.authorize(question, bearer(session), {}, done))
    await settled((done) => authorization.authorize(question, bearer(GUESSED), {}, done))
  }
  fixture.access.set('alice', 'denied')
  const question = { attributes, container: 'app', userAgent: '' }
  await settled((done) => authorization.authorize(question, bearer(session), {}, done))
  for (const client of [enrolment, authorization, admission]) client.close()

  const kept = everythingKept()
  // What may be kept is found, so what is not found is not there.
  for (const known of ['alice', 'known', 'plain-client/1.0', 'client/1.0']) {
    expect(kept).toContain(known)
  }
  const { events } = await fixture.store.auditEvents.list({}, { afterSequence: 0, limit: 100 })
  expect(events).toHaveLength(agents.length + 1)
  expect(session.length).toBeGreaterThan(40)
  for (const secret of [session, session.slice(8, 32), GUESSED]) expect(kept).not.toContain(secret)
  expect(kept).not.toMatch(/eyJhbGciOiJSUzI1NiJ9|canary|Y2FuYXJ5LW9wYXF1ZQ/)
})
