import {
  Client,
  type ClientDuplexStream,
  Metadata,
  makeGenericClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withVisit } from '../../../core/chain-visits.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { AdmissionService, WorkloadChange } from '../../../proto/gen/lanyard/v1/admission_pb.ts'
import {
  AuditService,
  type WatchAuditEventsResponse,
} from '../../../proto/gen/lanyard/v1/audit_pb.ts'
import { AuthorizationService, Effect } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { ChainService } from '../../../proto/gen/lanyard/v1/chain_pb.ts'
import { EnrolmentService } from '../../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { createGrpcClient } from '../../../proto/grpc-service.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import {
  AGENT,
  aBinding,
  aChain,
  aDecision,
  aDecisionId,
  aRefusal,
  aUser,
  BUILD,
  recordEnrolled,
} from '../../support/record-builders.ts'

/* What others than sidecars find at the gRPC port. */

let fixture: ControlPlaneFixture

beforeEach(async () => {
  fixture = await startControlPlaneFixture()
  await recordEnrolled(fixture.store.bindings, aBinding([AGENT]))
  await recordEnrolled(fixture.store.bindings, aBinding([AGENT, BUILD]))
  await fixture.store.auditEvents.append(aDecision(1))
  await fixture.store.auditEvents.append(aRefusal(2))
  fixture.tokens.set('reader', aUser('carol'))
})
afterEach(() => fixture.close())

/** Calls one unary method, with a bearer token unless it is empty. */
function callOf<Request, Response>(
  method: (
    request: Request,
    metadata: Metadata,
    options: object,
    callback: (error: ServiceError | null, response?: Response) => void,
  ) => unknown,
  request: Request,
  token = 'reader',
): Promise<Response> {
  const metadata = token === '' ? new Metadata() : bearer(token)
  return new Promise((resolve, reject) => {
    method(request, metadata, { deadline: Date.now() + 5_000 }, (error, response) => {
      if (error === null && response !== undefined) resolve(response)
      else reject(error)
    })
  })
}

describe('the standard services', () => {
  test('health says what the control plane says of itself', async () => {
    const HealthClient = makeGenericClientConstructor(healthService, 'Health')
    const client = new HealthClient(fixture.address, fixture.credentials)
    const check = () =>
      new Promise((resolve, reject) => {
        const call = client['check']?.bind(client) as (
          request: object,
          callback: (error: ServiceError | null, answer: { status: string }) => void,
        ) => void
        call({ service: '' }, (error, answer) => (error ? reject(error) : resolve(answer.status)))
      })
    expect(await check()).toBe('NOT_SERVING')
    fixture.setServing(true)
    expect(await check()).toBe('SERVING')
    client.close()
  })

  test('reflection lists each service and gives the file of a symbol', async () => {
    const client = new Client(fixture.address, fixture.credentials)
    const same = (bytes: Buffer) => bytes
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
    const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
      path,
      same,
      same,
    )
    const answers: string[] = []
    stream.on('data', (bytes: Buffer) => answers.push(bytes.toString('latin1')))
    // Field 7 list_services "*"; field 4 file_containing_symbol.
    stream.write(Buffer.from('\x3a\x01*', 'latin1'))
    const symbol = 'lanyard.v1.AuthorizationService'
    stream.write(Buffer.from(`\x22${String.fromCharCode(symbol.length)}${symbol}`, 'latin1'))
    await expect.poll(() => answers.length).toBe(2)
    for (const name of ['Enrolment', 'Authorization', 'Admission', 'Chain', 'Audit']) {
      expect(answers[0]).toContain(`lanyard.v1.${name}Service`)
    }
    expect(answers[1]).toContain('lanyard/v1/authorization.proto')
    stream.end()
    client.close()
  })
})

describe('a reader', () => {
  const audit = () => createGrpcClient(AuditService, fixture.address, fixture.credentials)
  const chains = () => createGrpcClient(ChainService, fixture.address, fixture.credentials)

  test('gets chains and decisions', async () => {
    const { bindings: known, workloads } = fixture.store
    const visit = { username: 'bob', kind: 'exec', atMs: 1, joined: false } as const
    await known.revise(BUILD.podUid, ({ chain, visits }) => ({
      ...{ chain, visits: withVisit(visits, visit) },
    }))
    await workloads.revise('job-uid', () => ({
      ...{ uid: 'job-uid', apiVersion: 'batch/v1', kind: 'Job', namespace: 'team', name: 'build' },
      ...{ chain: aChain([AGENT]), via: [], controllerUid: '', generation: 1 },
      ...{ beganAtMs: 1, renewedAtMs: 1, seenCodes: [], lookedAtGeneration: 0 },
      touches: [{ username: 'dave', atMs: 1, fields: ['parallelism'] }],
    }))
    const client = chains()
    const { binding } = await callOf(client.getChain.bind(client), { podUid: BUILD.podUid })
    expect(binding?.chain?.actors.map(({ name }) => name)).toEqual(['agent', BUILD.name])
    expect(binding).toMatchObject({
      visitors: [{ username: 'bob', kinds: ['exec'] }],
      touches: [{ username: 'dave', kind: 'Job', name: 'build', fields: ['parallelism'] }],
    })
    const { bindings } = await callOf(client.listChains.bind(client), { namespace: 'team' })
    expect(bindings).toHaveLength(2)
    client.close()
    const events = audit()
    const { event } = await callOf(events.getAuditEvent.bind(events), { id: aDecisionId(2) })
    expect(event).toMatchObject({ effect: Effect.DENY, refusedBy: 'alice' })
    const list = { namespace: 'team', effect: Effect.ALLOW }
    const page = await callOf(events.listAuditEvents.bind(events), list)
    expect(page.events.map(({ id }) => id)).toEqual([aDecisionId(1)])
    events.close()
  })

  test.each([
    ['without a token', '', {}, status.UNAUTHENTICATED],
    ['with a token that is not ours', 'other', {}, status.UNAUTHENTICATED],
    ['whom RBAC does not let', 'reader', { carol: 'denied' }, status.PERMISSION_DENIED],
    ['when RBAC does not answer', 'reader', { carol: 'unknown' }, status.UNAVAILABLE],
  ] as const)('%s gets nothing, whether or not it is there', async (_name, token, access, code) => {
    for (const [user, answer] of Object.entries(access)) fixture.access.set(user, answer)
    const [chain, event] = [chains(), audit()]
    const asked = [
      callOf(chain.getChain.bind(chain), { podUid: BUILD.podUid }, token),
      callOf(chain.getChain.bind(chain), { podUid: 'none' }, token),
      callOf(chain.listChains.bind(chain), { namespace: '' }, token),
      callOf(event.getAuditEvent.bind(event), { id: aDecisionId(1) }, token),
      callOf(event.getAuditEvent.bind(event), { id: 'none' }, token),
      callOf(event.listAuditEvents.bind(event), { namespace: 'team' }, token),
    ]
    const results = await Promise.allSettled(asked)
    const codes = results.map((result) => (result as { reason?: ServiceError }).reason?.code)
    expect(new Set(codes)).toEqual(new Set([code]))
    chain.close()
    event.close()
  })

  test('that may read in one namespace cannot tell a record of another from none', async () => {
    fixture.access.set('carol', 'denied')
    fixture.access.set('carol/other', 'allowed')
    const [chain, event] = [chains(), audit()]
    const get = {
      chain: (podUid: string) => callOf(chain.getChain.bind(chain), { podUid }),
      event: (id: string) => callOf(event.getAuditEvent.bind(event), { id }),
    }
    const refused = [
      [() => get.chain(BUILD.podUid), () => get.chain('none')],
      [() => get.event(aDecisionId(1)), () => get.event('none')],
    ] as const
    for (const pair of refused) {
      const answers = await Promise.all(
        pair.map(async (ask) => {
          const beganAtMs = performance.now()
          const { code, details } = await ask().then(
            () => ({ code: status.OK, details: '' }),
            (error: ServiceError) => error,
          )
          return { code, details, early: performance.now() - beganAtMs < 90 }
        }),
      )
      expect(answers[0]).toEqual(answers[1])
      expect(answers[0]).toMatchObject({ code: status.PERMISSION_DENIED, early: false })
    }
    fixture.access.set('carol/team', 'allowed')
    expect(await get.chain(BUILD.podUid)).toHaveProperty('binding')
    expect(await get.event(aDecisionId(1))).toHaveProperty('event')
    chain.close()
    event.close()
  })

  test('that may read everywhere is told that there is none', async () => {
    const [chain, event] = [chains(), audit()]
    const missing = { code: status.NOT_FOUND }
    const podUid = 'none'
    await expect(callOf(chain.getChain.bind(chain), { podUid })).rejects.toMatchObject(missing)
    const none = callOf(event.getAuditEvent.bind(event), { id: podUid })
    await expect(none).rejects.toMatchObject(missing)
    chain.close()
    event.close()
  })

  test('that filters by an effect of another version gets an error, not everything', async () => {
    const client = audit()
    const list = callOf(client.listAuditEvents.bind(client), { effect: 9 as Effect })
    await expect(list).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
    client.close()
  })

  test('watches decisions as they come, until they may no longer', async () => {
    const client = audit()
    const stream = client.watchAuditEvents({ namespace: 'team' }, bearer('reader'))
    const ids: string[] = []
    stream.on('data', ({ event }: WatchAuditEventsResponse) => ids.push(event?.id ?? ''))
    const ended = new Promise<ServiceError>((resolve) => stream.once('error', resolve))
    await expect.poll(() => ids).toEqual([1, 2].map(aDecisionId))
    await fixture.store.auditEvents.append(aDecision(3))
    await expect.poll(() => ids.at(-1)).toBe(aDecisionId(3))
    fixture.access.set('carol', 'denied')
    fixture.clock.nowMs += 60_000
    await fixture.store.auditEvents.append(aDecision(4))
    expect((await ended).code).toBe(status.PERMISSION_DENIED)
    expect(ids).toHaveLength(3)
    client.close()
  })
})

describe('an integrator that asks one by one', () => {
  test('enrols, gets a decision, and reports what became of it', async () => {
    const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
    fixture.tokens.set('pod', { ...account, extra: { [POD_UID_EXTRA]: [AGENT.podUid] } })
    const enrolment = createGrpcClient(EnrolmentService, fixture.address, fixture.credentials)
    const { session } = await callOf(enrolment.enroll.bind(enrolment), { token: 'pod' }, '')
    enrolment.close()
    const client = createGrpcClient(AuthorizationService, fixture.address, fixture.credentials)
    const attributes = { verb: 'list', resourceRequest: true, resource: 'pods', namespace: 'team' }
    const question = { attributes, container: 'app' }
    const { decisionId, effect } = await callOf(client.authorize.bind(client), question, session)
    expect(effect).toBe(Effect.ALLOW)
    const outcome = { decisionId, httpStatus: 200, responseBytes: 5n }
    await callOf(client.reportOutcome.bind(client), { outcome }, session)
    expect((await fixture.store.auditEvents.get(decisionId))?.outcome).toMatchObject({
      httpStatus: 200,
      responseBytes: 5,
    })
    const foreign = { decisionId: aDecisionId(2), httpStatus: 500 }
    await callOf(client.reportOutcome.bind(client), { outcome: foreign }, session)
    expect((await fixture.store.auditEvents.get(aDecisionId(2)))?.outcome).toBeUndefined()
    client.close()
  })
})

describe('the admission service', () => {
  const INJECTOR = serviceAccountUser('lanyard-system', 'lanyard-injector')
  const context = { user: { username: 'mallory', groups: [] }, namespace: 'team' }
  const bind = { context, podUid: 'new-pod', podName: 'new', serviceAccount: 'agent' }

  test('answers the injector', async () => {
    fixture.tokens.set('injector', INJECTOR)
    const client = createGrpcClient(AdmissionService, fixture.address, fixture.credentials)
    const { chain } = await callOf(client.bindPod.bind(client), bind, 'injector')
    expect(chain?.rootRequester?.username).toBe('mallory')
    expect(await fixture.store.bindings.find('new-pod')).toBeDefined()
    client.close()
  })

  test('asks about the token of each injector once a minute, however they take turns', async () => {
    const client = createGrpcClient(AdmissionService, fixture.address, fixture.credentials)
    const resolve = (token: string) =>
      callOf(client.resolvePod.bind(client), { context: { ...context, dryRun: true } }, token)
    for (const token of ['one', 'two']) {
      fixture.tokens.set(token, INJECTOR)
      await resolve(token)
    }
    // Whoever is asked now says no.
    fixture.tokens.clear()
    for (const token of ['one', 'two', 'one', 'two']) await resolve(token)
    fixture.clock.nowMs += 60_000
    const refused = { code: status.UNAUTHENTICATED }
    for (const token of ['one', 'two']) await expect(resolve(token)).rejects.toMatchObject(refused)
    client.close()
  })

  test('remembers a few tokens, not each that there ever was', async () => {
    const client = createGrpcClient(AdmissionService, fixture.address, fixture.credentials)
    const resolve = (token: string) =>
      callOf(client.resolvePod.bind(client), { context: { ...context, dryRun: true } }, token)
    const tokens = Array.from({ length: 17 }, (_, index) => `injector-${index}`)
    for (const token of tokens) {
      fixture.tokens.set(token, INJECTOR)
      await resolve(token)
    }
    fixture.tokens.clear()
    const refused = { code: status.UNAUTHENTICATED }
    await expect(resolve(tokens[0] ?? '')).rejects.toMatchObject(refused)
    await resolve(tokens[1] ?? '')
    client.close()
  })

  test.each([
    ['a person', aUser('admin')],
    ['a service account of that name elsewhere', serviceAccountUser('team', 'lanyard-injector')],
    [
      'another service account of ours',
      serviceAccountUser('lanyard-system', 'lanyard-control-plane'),
    ],
  ])('refuses %s, and records nothing', async (_name, user) => {
    fixture.tokens.set('other', user)
    const client = createGrpcClient(AdmissionService, fixture.address, fixture.credentials)
    const denied = { code: status.PERMISSION_DENIED }
    await expect(callOf(client.bindPod.bind(client), bind, 'other')).rejects.toMatchObject(denied)
    const resolved = callOf(client.resolvePod.bind(client), { context }, 'other')
    await expect(resolved).rejects.toMatchObject(denied)
    expect(await fixture.store.bindings.find('new-pod')).toBeUndefined()
    client.close()
  })

  const workload = { context, apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u' }
  test.each([
    ['no context', { ...workload, context: undefined, change: WorkloadChange.CREATED }],
    ['no uid', { ...workload, uid: '', change: WorkloadChange.CREATED }],
    ['no change', workload],
    ['a change of another version', { ...workload, change: 9 as WorkloadChange }],
  ])('takes no record with %s', async (_name, request) => {
    fixture.tokens.set('injector', INJECTOR)
    const client = createGrpcClient(AdmissionService, fixture.address, fixture.credentials)
    const record = callOf(
      client.recordWorkload.bind(client),
      request as typeof workload,
      'injector',
    )
    await expect(record).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
    expect(await fixture.store.workloads.find('u')).toBeUndefined()
    client.close()
  })
})
