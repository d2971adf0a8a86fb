import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AccessRequest } from '../../core/approvals/access-request.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../core/names.ts'
import { approvalsOf, openRequest } from '../../test/support/access-request-parts.ts'
import { aHeldRule } from '../../test/support/approval-parts.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { aUser } from '../../test/support/record-builders.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { AccessRequestActions } from './access-request-actions.ts'

const ONCALL = aUser('oncall', ['oncall'])
const BODY = '{"kind":"DeleteOptions","note":"\u202e"}'

let store: Store
let actions: AccessRequestActions
let waiting: AccessRequest
let refused: string[]

beforeEach(async () => {
  store = await openStore(':memory:')
  waiting = await openRequest(store, 1, { body: BODY })
  refused = []
  actions = new AccessRequestActions({
    approvals: approvalsOf(store),
    authorize: async (_user, { subresource }) => !refused.includes(subresource),
  })
})
afterEach(() => store.close())

interface Asked extends Partial<RequestAttributes> {
  readonly user?: UserInfo
  readonly body?: unknown
  readonly query?: readonly (readonly [string, string])[]
}

function handle({ user = ONCALL, body, query = [], ...parts }: Asked): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? '')
  const pieces = body === undefined ? [] : [Buffer.from(text)]
  return actions.handle({
    requestInfo: {
      attributes: aRequest({ resource: 'accessrequests', name: waiting.id, ...parts }),
      query,
    },
    user,
    incoming: Readable.from(pieces) as IncomingMessage,
  })
}

const approve = (user = ONCALL, parts: object = {}) =>
  handle({
    ...{ verb: 'create', subresource: 'approve', user },
    body: { digest: waiting.digest, scope: 'request', ...parts },
  })

describe('AccessRequestActions', () => {
  test.each([
    ['an answer', { subresource: 'approve' }, true],
    ['what is no subresource', { subresource: 'status' }, true],
    ['a revocation', { resource: 'accessgrants', verb: 'delete' }, true],
    ['the object', {}, false],
    ['a list', { verb: 'list' }, false],
    ['a create', { verb: 'create' }, false],
    ['the approve of others', { resource: 'pods', subresource: 'approve' }, false],
  ])('serves %s: %j is %j', (_name, parts, serves) => {
    expect(AccessRequestActions.serves(aRequest({ resource: 'accessrequests', ...parts }))).toBe(
      serves,
    )
  })

  test.each([
    ['another name', { name: 'other', verb: 'create', subresource: 'approve' }, 404],
    ['another namespace', { namespace: 'other', verb: 'create', subresource: 'approve' }, 404],
    ['another subresource', { subresource: 'status', verb: 'update' }, 404],
    ['an update', { verb: 'update', subresource: 'approve' }, 405],
    ['a read of an answer', { subresource: 'deny' }, 405],
    ['a grant that is not', { resource: 'accessgrants', verb: 'delete' }, 404],
    ['a subresource of grants', { resource: 'accessgrants', subresource: 'status' }, 404],
  ])('answers %s: %j with %d', async (_name, parts, status) => {
    expect((await handle({ body: '', ...parts })).status).toBe(status)
  })

  test('approves, and the request has its grant', async () => {
    const answer = await approve(ONCALL, { reason: 'INC-7' })
    expect([answer.status, await answer.json()]).toMatchObject([
      201,
      {
        status: {
          phase: 'Approved',
          reviews: [{ answer: 'Approve', by: 'oncall', scope: 'request', reason: 'INC-7' }],
          grant: expect.any(String),
        },
      },
    ])
  })

  test.each<[string, () => UserInfo]>([
    ['the root requester', () => aUser('alice', ['oncall'])],
    ['the same name in capitals', () => aUser('ALICE', ['oncall'])],
    [
      'the same person by another name',
      () => ({ ...ONCALL, username: 'al', extra: { 'example.com/email': ['alice'] } }),
    ],
    ['who is no approver', () => aUser('bob')],
    ['the group as a name', () => aUser('Group oncall')],
    ['a service account in the group', () => withGroup(serviceAccountUser('team', 'bot'))],
    ['a pod-bound token', () => ({ ...ONCALL, extra: { [POD_UID_EXTRA]: ['uid'] } })],
  ])('is not for %s, whatever RBAC says', async (_who, user) => {
    await expect(approve(user())).rejects.toMatchObject({ code: 'permission_denied' })
    expect(store.accessRequests.get(waiting.id)).toMatchObject({ phase: 'Pending', reviews: [] })
  })

  test.each([
    ['other bytes', { digest: '0'.repeat(64) }, 'binding_conflict'],
    ['no digest', { digest: undefined }, 'request_invalid'],
    ['no scope', { scope: undefined }, 'request_invalid'],
    ['the name of somebody', { by: 'bob' }, 'request_invalid'],
  ])('approves nothing of %s', async (_what, parts, code) => {
    await expect(approve(ONCALL, parts)).rejects.toMatchObject({ code })
    expect(store.accessRequests.get(waiting.id)).toMatchObject({ phase: 'Pending' })
  })

  test('takes one answer', async () => {
    await approve()
    await expect(approve()).rejects.toMatchObject({ code: 'binding_conflict' })
    const deny = { verb: 'create', subresource: 'deny', body: { digest: waiting.digest } }
    await expect(handle(deny)).rejects.toMatchObject({ code: 'binding_conflict' })
  })

  test('denies with a reason, and cancels for who asked', async () => {
    const deny = { verb: 'create', subresource: 'deny' }
    const denied = await handle({ ...deny, body: { digest: waiting.digest, reason: 'no' } })
    expect(await denied.json()).toMatchObject({
      status: { phase: 'Denied', closedBy: 'oncall', closingReason: 'no' },
    })
    waiting = await openRequest(store, 2)
    const cancel = { verb: 'create', subresource: 'cancel' }
    await expect(handle(cancel)).rejects.toMatchObject({ code: 'permission_denied' })
    const cancelled = await handle({ ...cancel, user: aUser('alice') })
    expect(await cancelled.json()).toMatchObject({ status: { phase: 'Cancelled' } })
  })

  test('revokes a grant once, and then there is none', async () => {
    await approve(ONCALL, { scope: 'rule' })
    const name = store.accessRequests.get(waiting.id)?.grantId ?? ''
    const revoke = () =>
      handle({ resource: 'accessgrants', verb: 'delete', name, query: [['reason', 'done']] })
    expect(await (await revoke()).json()).toMatchObject({
      status: { phase: 'Revoked', closedBy: 'oncall', closingReason: 'done' },
    })
    expect((await revoke()).status).toBe(404)
  })

  test.each<[string, Asked, string]>([
    ['by the query', { query: [['dryRun', 'All']] }, 'request_invalid'],
    ['by the body', { body: { kind: 'DeleteOptions', dryRun: ['All'] } }, 'request_invalid'],
    ['of another uid', { body: { preconditions: { uid: 'other' } } }, 'binding_conflict'],
    [
      'of another version',
      { body: { preconditions: { resourceVersion: '1' } } },
      'binding_conflict',
    ],
    ['in no JSON', { body: 'k8s' }, 'request_invalid'],
  ])('revokes nothing in a dry run or for another grant: %s', async (_how, asked, code) => {
    await approve(ONCALL, { scope: 'rule' })
    const name = store.accessRequests.get(waiting.id)?.grantId ?? ''
    const deleted = handle({ resource: 'accessgrants', verb: 'delete', name, ...asked })
    await expect(deleted).rejects.toMatchObject({ code })
    expect(store.accessRequests.grant(name)).toMatchObject({ phase: 'Active' })
    const options = { preconditions: { uid: name.toUpperCase() }, dryRun: [] }
    const meant = { resource: 'accessgrants', verb: 'delete', name, body: options }
    expect((await handle(meant)).status).toBe(200)
  })

  test('approves nothing in a dry run', async () => {
    const body = { digest: waiting.digest, scope: 'request' }
    const asked = { verb: 'create', subresource: 'approve', query: [['dryRun', 'All']] } as const
    await expect(handle({ ...asked, body })).rejects.toMatchObject({ code: 'request_invalid' })
    expect(store.accessRequests.get(waiting.id)).toMatchObject({ phase: 'Pending' })
  })
})

describe('AccessRequestActions.handle() of the content', () => {
  const content = async (user = ONCALL) => {
    const answer = await handle({ subresource: 'content', user })
    return { text: await answer.clone().text(), json: (await answer.json()) as object }
  }

  test('gives the very text and body, and a terminal nothing that it would obey', async () => {
    const { text, json } = await content()
    expect(json).toMatchObject({
      canonical: waiting.canonical,
      digest: waiting.digest,
      body: { encoding: 'text', value: BODY, bytes: Buffer.byteLength(BODY) },
    })
    expect(text).not.toMatch(/\u202e/)
    expect(text).toContain('\\u202e')
  })

  test('writes a body that is no UTF-8 in base64', async () => {
    waiting = await openRequest(store, 2)
    store.accessRequests.body = () => Buffer.from([0xff, 0x00])
    expect((await content()).json).toMatchObject({ body: { encoding: 'base64', value: '/wA=' } })
  })

  test('offers what both the rules and RBAC let the user do', async () => {
    expect((await content()).json).toMatchObject({
      offers: { approve: ['request', 'command', 'rule'], deny: true, cancel: false, why: '' },
    })
    refused = ['approve']
    expect((await content()).json).toMatchObject({
      offers: { approve: [], deny: true, why: expect.stringMatching(/accessrequests\/approve/) },
    })
  })

  test('offers nothing to who asks but to cancel', async () => {
    expect((await content(aUser('alice', ['oncall']))).json).toMatchObject({
      offers: { approve: [], deny: false, cancel: true, why: expect.stringMatching(/chain/) },
    })
  })

  test('offers no wider scope than every rule lets', async () => {
    const rules = [aHeldRule(), aHeldRule({ widestScope: 'command' }, 'agents/other')]
    waiting = await openRequest(store, 2, { rules })
    expect((await content()).json).toMatchObject({ offers: { approve: ['request', 'command'] } })
  })
})

function withGroup(user: UserInfo): UserInfo {
  return { ...user, groups: [...user.groups, 'oncall'] }
}
