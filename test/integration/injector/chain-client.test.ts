import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../../core/fault.ts'
import { type ChainClient, createChainClient } from '../../../injector/chains/chain-client.ts'
import { toServiceError } from '../../../proto/fault-status.ts'
import {
  AdmissionService,
  type ResolvePodRequest,
  WorkloadChange,
} from '../../../proto/gen/lanyard/v1/admission_pb.ts'
import { grpcService } from '../../../proto/grpc-service.ts'
import { anAdmissionRequest } from '../../support/pod-builders.ts'
import { createTestAuthority } from '../../support/test-certificates.ts'

/* What the injector makes of everything that a control plane can answer. */

type Message = Pick<ResolvePodRequest, 'context'>
type Handler = (call: ServerUnaryCall<Message, object>, done: sendUnaryData<object>) => void

const CHAIN = { rootRequester: { username: 'alice' }, coRequesters: [], actors: [] }
const OWNER = { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'j-uid', controller: true }
const POD = { podUid: 'p-uid', podName: 'p', serviceAccount: 'agent' }
const JOB = { apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'j-uid' }

const folder = mkdtempSync(join(tmpdir(), 'lanyard-chain-client-'))
const tokenFile = join(folder, 'token')
const calls: { readonly message: Message; readonly authorization: unknown }[] = []
let handler: Handler
let server: Server
let client: ChainClient
let foreign: ChainClient

beforeAll(async () => {
  const authority = await createTestAuthority('lanyard')
  const { certificatePem, privateKeyPem } = await authority.issueServer()
  server = new Server()
  const handle: Handler = (call, done) => {
    calls.push({ message: call.request, authorization: call.metadata.get('authorization') })
    handler(call, done)
  }
  server.addService(grpcService(AdmissionService), {
    resolvePod: handle,
    bindPod: handle,
    recordWorkload: handle,
    resetChain: handle,
  } as unknown as UntypedServiceImplementation)
  const credentials = ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(certificatePem), private_key: Buffer.from(privateKeyPem) },
  ])
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('localhost:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const address = `localhost:${port}`
  client = createChainClient({ address, caPem: authority.certificatePem, tokenFile })
  const other = await createTestAuthority('lanyard')
  foreign = createChainClient({ address, caPem: other.certificatePem, tokenFile })
})

beforeEach(() => {
  calls.length = 0
  handler = (_call, done) => done(null, { chain: CHAIN })
  writeFileSync(tokenFile, 'first\n')
})

afterAll(() => {
  client.close()
  foreign.close()
  server.forceShutdown()
  rmSync(folder, { recursive: true, force: true })
})

const request = anAdmissionRequest({
  user: { username: 'alice', uid: 'a-1', groups: ['dev'], extra: { k: ['v', 'w'] } },
})

describe('createChainClient() sends', () => {
  test('who asks, from where, and which object controls the pod', async () => {
    await client.resolvePod(request, OWNER)
    expect(calls[0]?.message.context).toMatchObject({
      user: {
        username: 'alice',
        uid: 'a-1',
        groups: ['dev'],
        extra: { k: { values: ['v', 'w'] } },
      },
      namespace: 'team',
      controller: JOB,
      dryRun: false,
    })
  })

  test('no controller where there is none', async () => {
    await client.resolvePod(request, undefined)
    expect(calls[0]?.message.context?.controller).toBeUndefined()
  })

  test.each([true, false])('whether it is a dry run: %s', async (dryRun) => {
    await client.bindPod({ ...request, dryRun }, undefined, POD)
    await client.recordWorkload(
      { ...request, dryRun },
      undefined,
      { ...JOB, generation: 3 },
      { what: 'created' },
    )
    expect(calls.map(({ message }) => message.context?.dryRun)).toEqual([dryRun, dryRun])
  })

  test('the pod that is bound', async () => {
    await client.bindPod(request, OWNER, POD)
    expect(calls[0]?.message).toMatchObject(POD)
  })

  test.each([
    ['created', WorkloadChange.CREATED],
    ['template-changed', WorkloadChange.TEMPLATE_CHANGED],
    ['adopted', WorkloadChange.ADOPTED],
  ] as const)('what became of a workload: %s', async (change, want) => {
    await client.recordWorkload(request, undefined, { ...JOB, generation: 3 }, { what: change })
    expect(calls[0]?.message).toMatchObject({ ...JOB, generation: 3n, change: want, fields: [] })
  })

  test('what somebody touched', async () => {
    const touch = { what: 'touched', fields: ['replicas'] } as const
    await client.recordWorkload(request, undefined, { ...JOB, generation: 3 }, touch)
    const change = WorkloadChange.TOUCHED
    expect(calls[0]?.message).toMatchObject({ ...JOB, change, fields: ['replicas'] })
  })

  test('whose chain begins again', async () => {
    await client.resetChain(request, { ...JOB, generation: 3 })
    expect(calls[0]?.message).toMatchObject({ ...JOB, generation: 3n })
  })

  test('the token as it is at each call', async () => {
    await client.resolvePod(request, undefined)
    writeFileSync(tokenFile, 'second')
    await client.resolvePod(request, undefined)
    expect(calls.map(({ authorization }) => authorization)).toEqual([
      ['Bearer first'],
      ['Bearer second'],
    ])
  })
})

/** Every question that the injector has; none may be taken for answered. */
const QUESTIONS: readonly [string, () => Promise<unknown>][] = [
  ['resolvePod', () => client.resolvePod(request, undefined)],
  ['bindPod', () => client.bindPod(request, undefined, POD)],
  [
    'recordWorkload',
    () => client.recordWorkload(request, undefined, { ...JOB, generation: 3 }, { what: 'created' }),
  ],
  ['resetChain', () => client.resetChain(request, { ...JOB, generation: 3 })],
]

describe.each(QUESTIONS)('%s() throws', (_question, ask) => {
  test.each<[string, status, string, RegExp]>([
    ['a refusal', status.PERMISSION_DENIED, 'permission_denied', /^in words$/],
    ['a conflict', status.ALREADY_EXISTS, 'binding_conflict', /^in words$/],
    ['a question that makes no sense', status.INVALID_ARGUMENT, 'request_invalid', /^in words$/],
    ['a broken store', status.UNAVAILABLE, 'decision_unavailable', /does not answer/],
    ['an unknown injector', status.UNAUTHENTICATED, 'decision_unavailable', /does not answer/],
    ['an older control plane', status.UNIMPLEMENTED, 'decision_unavailable', /does not answer/],
    ['a bug', status.INTERNAL, 'decision_unavailable', /does not answer/],
    [
      'too much at the same time',
      status.RESOURCE_EXHAUSTED,
      'decision_unavailable',
      /does not answer/,
    ],
    ['a cancelled call', status.CANCELLED, 'decision_unavailable', /does not answer/],
  ])('for %s', async (_name, code, fault, message) => {
    handler = (_call, done) => done({ code, details: 'in words' })
    await expect(ask()).rejects.toMatchObject({
      code: fault,
      message: expect.stringMatching(message),
    })
  })

  test.each<[string, Fault, string, RegExp]>([
    ['a full queue', new Fault('overloaded', 'wait'), 'overloaded', /^wait$/],
    ['a broken store', new Fault('audit_unavailable', 'no disk'), 'audit_unavailable', /^no disk$/],
    [
      'a credential of its own',
      new Fault('identity_unverified', 'no'),
      'decision_unavailable',
      /does not answer/,
    ],
  ])(
    'what the details of an error say, beyond its gRPC code: %s',
    async (_name, said, code, message) => {
      handler = (_call, done) => done(toServiceError(said))
      await expect(ask()).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    },
  )

  test('without a token', async () => {
    rmSync(tokenFile)
    await expect(ask()).rejects.toThrow('ENOENT')
    expect(calls).toEqual([])
  })
})

describe.each(QUESTIONS)('%s() takes for no answer', (_question, ask) => {
  test.each<[string, object]>([
    ['without a chain', {}],
    ['without a root requester', { chain: { actors: [] } }],
    ['with a root requester without a name', { chain: { rootRequester: { username: '' } } }],
  ])('one %s', async (_name, answer) => {
    handler = (_call, done) => done(null, answer)
    await expect(ask()).rejects.toThrow()
  })
})

test('createChainClient() says nothing to a control plane of another authority', async () => {
  await expect(foreign.resolvePod(request, undefined)).rejects.toMatchObject({
    code: 'decision_unavailable',
  })
  expect(calls).toEqual([])
})
