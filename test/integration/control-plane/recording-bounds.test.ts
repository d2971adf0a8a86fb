import { randomBytes } from 'node:crypto'
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StoredChunk } from '../../../control-plane/store/recording-store.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { NO_OBLIGATIONS } from '../../../core/policy/obligations.ts'
import { EnrolmentService } from '../../../proto/gen/lanyard/v1/enrolment_pb.ts'
import {
  RecordingService,
  RecordLevel,
  type RecordResponse,
  SessionEnding,
  SessionEventKind,
} from '../../../proto/gen/lanyard/v1/recording_pb.ts'
import { createGrpcClient, type GrpcClient } from '../../../proto/grpc-service.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { AGENT, aBinding, aDecision, aDecisionId } from '../../support/record-builders.ts'

/* Recordings have bounds, on disk and in memory; decisions go on beyond them. */

const CHUNK_BYTES = 100_000
/** Of one session that may wait for the disk; 60 chunks are more. */
const PER_SESSION_BYTES = 4 * 1_024 * 1_024
let fixture: ControlPlaneFixture
let client: GrpcClient<typeof RecordingService>
let agent: string
let sequence: number

beforeEach(async () => {
  fixture = await startControlPlaneFixture()
  await fixture.store.bindings.record(aBinding([AGENT]))
  client = createGrpcClient(RecordingService, fixture.address, fixture.credentials)
  agent = await enrol()
  sequence = 0
})
afterEach(async () => {
  client.close()
  await fixture.close()
})

async function enrol(): Promise<string> {
  const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
  fixture.tokens.set('token', { ...account, extra: { [POD_UID_EXTRA]: [AGENT.podUid] } })
  const enrolment = createGrpcClient(EnrolmentService, fixture.address, fixture.credentials)
  try {
    return await new Promise<string>((resolve, reject) => {
      enrolment.enroll({ token: 'token' }, new Metadata(), {}, (error, answer) => {
        if (error === null) resolve(answer?.session ?? '')
        else reject(error)
      })
    })
  } finally {
    enrolment.close()
  }
}

/** A session of a decision of its own, which asks to be opened. */
async function openSession() {
  sequence += 1
  const id = aDecisionId(sequence)
  const obligations = { ...NO_OBLIGATIONS, record: 'output' } as const
  await fixture.store.auditEvents.append(aDecision(sequence, { obligations }))
  const call = client.record(bearer(agent))
  const told: RecordResponse['message'][] = []
  call.on('data', ({ message }: RecordResponse) => void told.push(message))
  const ended = new Promise<ServiceError | undefined>((resolve) => {
    call.once('error', resolve)
    call.once('end', () => resolve(undefined))
  })
  const value = { decisionId: id, protocol: 'v5.channel.k8s.io', level: RecordLevel.OUTPUT }
  call.write({ message: { case: 'begin', value } })
  const opened = () => expect.poll(() => told[0]?.case, { timeout: 20_000 }).toBe('opened')
  return { id, call, ended, opened }
}

type Call = Awaited<ReturnType<typeof openSession>>['call']

/** Sends chunks of noise, which does not compress, and then the end. */
function pour(call: Call, chunks: number): void {
  for (let number = 1; number <= chunks; number += 1) {
    const data = randomBytes(CHUNK_BYTES)
    const events = [{ kind: SessionEventKind.OUTPUT, atUs: 1n, data }]
    call.write({ message: { case: 'chunk', value: { number: BigInt(number), events } } })
  }
  call.write({ message: { case: 'end', value: { ending: SessionEnding.FINISHED, reason: '' } } })
  call.end()
}

test('RecordingService admits no session once recordings take what they may have, and decisions go on', async () => {
  fixture.volume.bytesMax = 2_000_000
  const first = await openSession()
  await first.opened()
  pour(first.call, 30)
  expect(await first.ended).toBeUndefined()
  const refused = await openSession()
  expect(await refused.ended).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: expect.stringContaining('controlPlane.recording.mebibytesMax'),
  })
  expect(await fixture.store.recordings.get(refused.id)).toBeUndefined()
  await fixture.store.auditEvents.append(aDecision(90))
  await fixture.store.recordings.remove(first.id, { username: 'bob', atMs: 1 })
  const admitted = await openSession()
  await admitted.opened()
  admitted.call.cancel()
  await admitted.ended
})

test('RecordingService reads of no session more than a slow disk takes, and loses nothing of it', async () => {
  const { recordings } = fixture.store
  const append = recordings.append.bind(recordings)
  const disk = Promise.withResolvers<void>()
  const waiting = new Map<string, number>()
  recordings.append = async (id: string, chunk: StoredChunk) => {
    waiting.set(id, (waiting.get(id) ?? 0) + chunk.bytes.length)
    await disk.promise
    await append(id, chunk)
  }
  const sessions = await Promise.all(Array.from({ length: 4 }, openSession))
  for (const { call, opened } of sessions) {
    await opened()
    pour(call, 60)
  }
  await expect.poll(() => waiting.size, { timeout: 20_000 }).toBe(4)
  // A question on the same connection is answered while four sessions wait.
  await fixture.store.auditEvents.append(aDecision(91))
  const other = await openSession()
  await other.opened()
  expect(Math.max(...waiting.values())).toBeLessThan(PER_SESSION_BYTES + 2 * CHUNK_BYTES)
  other.call.cancel()
  disk.resolve()
  expect(await Promise.all(sessions.map(({ ended }) => ended))).toEqual(Array(4).fill(undefined))
  for (const { id } of sessions) {
    expect(await recordings.get(id)).toMatchObject({ chunks: 60, end: { ending: 'finished' } })
  }
  await other.ended
})
