import { type Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AccessRequest } from '../../../core/approvals/access-request.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import {
  AccessGrantPhase,
  AccessRequestPhase,
  ApprovalScope,
  ReviewService,
  type WatchAccessRequestsResponse,
} from '../../../proto/gen/lanyard/v1/review_pb.ts'
import { createGrpcClient } from '../../../proto/grpc-service.ts'
import { openRequest } from '../../support/access-request-parts.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { aUser } from '../../support/record-builders.ts'

/* Approvals over gRPC: what integrations see, and who may answer. */

let fixture: ControlPlaneFixture
let client: ReturnType<typeof clientOf>
let waiting: AccessRequest

const clientOf = ({ address, credentials }: ControlPlaneFixture) =>
  createGrpcClient(ReviewService, address, credentials)

beforeEach(async () => {
  fixture = await startControlPlaneFixture()
  client = clientOf(fixture)
  waiting = await openRequest(fixture.store, 1, {
    ...{ body: '{"a":1}', reason: 'INC-7', expiresAtMs: Date.now() + 600_000 },
  })
  const bot = serviceAccountUser('chat', 'bot')
  fixture.tokens.set('oncall', aUser('oncall', ['oncall']))
  fixture.tokens.set('alice', aUser('alice', ['oncall']))
  fixture.tokens.set('bot', { ...bot, groups: [...bot.groups, 'oncall'] })
})
afterEach(async () => {
  client.close()
  await fixture.close()
})

type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: object,
  callback: (error: ServiceError | null, response?: Response) => void,
) => unknown

function call<Request, Response>(
  method: Method<Request, Response>,
  request: Request,
  token = 'oncall',
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + 5_000 }
    method.call(client, request, bearer(token), options, (error, response) => {
      if (error === null && response !== undefined) resolve(response)
      else reject(error)
    })
  })
}

const approve = (token = 'oncall', parts: object = {}) => {
  const { id, digest } = waiting
  const request = { id, digest, scope: ApprovalScope.REQUEST, reason: '', ...parts }
  return call(client.approveAccessRequest, request, token)
}

describe('ReviewService', () => {
  test('lists, and shows the content and what the caller may do', async () => {
    const { requests } = await call(client.listAccessRequests, {
      ...{ namespace: 'team', rootRequester: 'alice', pendingOnly: true, pageSize: 1 },
    })
    expect(requests).toMatchObject([
      {
        ...{ id: waiting.id, namespace: 'team', digest: waiting.digest, reason: 'INC-7' },
        ...{ phase: AccessRequestPhase.PENDING, canonical: waiting.canonical },
        rules: [{ approvers: [{ kind: 'Group', name: 'oncall' }], durationSeconds: 900n }],
      },
    ])
    const { body, offers } = await call(client.getAccessRequestContent, { id: waiting.id })
    expect(Buffer.from(body).toString()).toBe('{"a":1}')
    expect(offers).toMatchObject({ deny: true, cancel: false, why: '' })
    expect(offers?.approve).toEqual([
      ...[ApprovalScope.REQUEST, ApprovalScope.COMMAND, ApprovalScope.RULE],
    ])
  })

  test('approves, and revokes', async () => {
    const { request } = await approve()
    expect(request?.phase).toBe(AccessRequestPhase.APPROVED)
    const { grants } = await call(client.listAccessGrants, { namespace: 'team' })
    expect(grants).toMatchObject([{ requestId: waiting.id, usesMax: 1, approvedBy: ['oncall'] }])
    const { grant } = await call(client.revokeAccessGrant, {
      id: request?.grantId ?? '',
      reason: 'x',
    })
    expect(grant).toMatchObject({ phase: AccessGrantPhase.REVOKED, closedBy: 'oncall' })
    expect((await call(client.listAccessGrants, { namespace: 'team' })).grants).toEqual([])
  })

  test('denies and cancels', async () => {
    const { id, digest } = waiting
    const denied = await call(client.denyAccessRequest, { id, digest, reason: 'no' })
    expect(denied.request).toMatchObject({ phase: AccessRequestPhase.DENIED, closedBy: 'oncall' })
    const other = await openRequest(fixture.store, 2, { expiresAtMs: Date.now() + 600_000 })
    const cancelled = await call(client.cancelAccessRequest, { id: other.id }, 'alice')
    expect(cancelled.request?.phase).toBe(AccessRequestPhase.CANCELLED)
  })

  test.each<[string, string, object, number]>([
    ['without a token', '', {}, status.UNAUTHENTICATED],
    ['who asks', 'alice', {}, status.PERMISSION_DENIED],
    ['a service account in the group', 'bot', {}, status.PERMISSION_DENIED],
    ['with other bytes', 'oncall', { digest: '0'.repeat(64) }, status.ALREADY_EXISTS],
    ['with no digest', 'oncall', { digest: '' }, status.INVALID_ARGUMENT],
    ['with no scope', 'oncall', { scope: 0 }, status.INVALID_ARGUMENT],
    ['with an unknown scope', 'oncall', { scope: 99 }, status.INVALID_ARGUMENT],
    ['with a long reason', 'oncall', { reason: 'x'.repeat(1_025) }, status.INVALID_ARGUMENT],
  ])('approves nothing %s', async (_who, token, parts, code) => {
    await expect(approve(token, parts)).rejects.toMatchObject({ code })
    expect(fixture.store.accessRequests.get(waiting.id)).toMatchObject({ phase: 'Pending' })
  })

  test('tells whom RBAC does not let the same of a request that is and of one that is not', async () => {
    fixture.access.set('oncall', 'denied')
    const ask = (id: string) =>
      call(client.getAccessRequest, { id }).catch(({ code, details }: ServiceError) => ({
        ...{ code, details },
      }))
    expect(await ask(waiting.id)).toEqual(await ask('none'))
    await expect(approve()).rejects.toMatchObject({ code: status.PERMISSION_DENIED })
    expect(fixture.store.accessRequests.get(waiting.id)).toMatchObject({ phase: 'Pending' })
  })

  test('watches what changes, in the namespace that was asked for', async () => {
    const { revision } = await call(client.listAccessRequests, { namespace: 'team' })
    const stream = client.watchAccessRequests(
      { namespace: 'team', afterRevision: revision },
      bearer('bot'),
    )
    const seen: WatchAccessRequestsResponse[] = []
    stream.on('data', (change: WatchAccessRequestsResponse) => seen.push(change))
    stream.on('error', () => undefined)
    await approve()
    await expect.poll(() => seen.length).toBe(2)
    expect(seen.map(({ changed }) => changed.case).sort()).toEqual(['grant', 'request'])
    stream.cancel()
  })

  test('ends a watch of what RBAC does not let', async () => {
    fixture.access.set('oncall', 'denied')
    const stream = client.watchAccessRequests({ namespace: '' }, bearer('oncall'))
    const failed = Promise.withResolvers<ServiceError>()
    stream.on('data', () => undefined)
    stream.on('error', failed.resolve)
    expect(await failed.promise).toMatchObject({ code: status.PERMISSION_DENIED })
  })
})
