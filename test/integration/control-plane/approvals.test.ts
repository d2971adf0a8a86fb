import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AccessRequest } from '../../../core/approvals/access-request.ts'
import type { Approval, ApprovalScope } from '../../../core/approvals/approval.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { anApproval, aPerson } from '../../support/approval-parts.ts'
import {
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { aRule } from '../../support/policy-builders.ts'
import { AGENT, aBinding } from '../../support/record-builders.ts'
import {
  type CallOptions,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/* A sidecar and a control plane, both real, between a pod and an API server that writes down what comes. */

const DEPLOYMENT = '/apis/apps/v1/namespaces/team/deployments/checkout'
const EXEC = '/api/v1/namespaces/team/pods/web/exec?command=ls&container=app&stdout=true'
const PATCH: CallOptions = {
  method: 'PATCH',
  headers: ['content-type', 'application/merge-patch+json', 'lanyard-wait', '0'],
  body: '{"spec":{"replicas":0}}',
}
const oscar = aPerson('oscar', { groups: ['oncall'] })

let controlPlane: ControlPlaneFixture
let pod: SidecarFixture
/** Bodies that the API server got, in order. */
let bodies: string[]

beforeEach(async () => {
  controlPlane = await startControlPlaneFixture()
  await controlPlane.store.bindings.record(aBinding([AGENT]))
  controlPlane.pods.set('team/web', AGENT.podUid)
  const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
  controlPlane.tokens.set('pod-bound-token', {
    ...account,
    extra: { [POD_UID_EXTRA]: [AGENT.podUid] },
  })
  hold({})
  pod = await startSidecarFixture({
    LANYARD_CONTROL_PLANE_ADDRESS: controlPlane.address.replace('127.0.0.1', 'localhost'),
    LANYARD_CONTROL_PLANE_CA: controlPlane.caPem,
  })
  bodies = []
  pod.api.onRequest((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString())
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
})
afterEach(async () => {
  await pod.close()
  await controlPlane.close()
})

/** Everything that alice's agents do is held, by an approval of these parts. */
function hold(parts: Partial<Approval>): void {
  const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }
  const approval = anApproval(parts)
  controlPlane.policies.set('alice', [
    aRule({ ...everything, effect: 'RequireApproval', approval }),
  ])
}

function pending(): readonly AccessRequest[] {
  return controlPlane.approvals.store.list({ pendingOnly: true }, '', 100)
}

async function approve(scope: ApprovalScope = 'request', by = oscar) {
  const [request] = pending()
  const { id = '', digest = '' } = request ?? {}
  return controlPlane.approvals.approve(id, { by, reason: 'INC-1', digest, scope })
}

describe('a request that a rule holds', () => {
  test('is answered with 403, the name of its access request and when to ask again', async () => {
    const { httpStatus, text, headers } = await pod.call(DEPLOYMENT, PATCH)
    const [request] = pending()
    expect({ httpStatus, retryAfter: headers['retry-after'] }).toEqual({
      ...{ httpStatus: 403, retryAfter: '15' },
    })
    expect(JSON.parse(text)).toMatchObject({
      reason: 'Forbidden',
      message: expect.stringMatching(/waits for an approval \(approvers are: Group oncall\)/),
      details: {
        retryAfterSeconds: 15,
        causes: expect.arrayContaining([
          expect.objectContaining({ reason: 'ApprovalRequired', field: request?.id }),
        ]),
      },
    })
    expect(request).toMatchObject({
      held: {
        ...{ method: 'PATCH', target: DEPLOYMENT, bodyBytes: 23 },
        object: { uid: 'uid-of-checkout' },
      },
    })
    expect(controlPlane.approvals.store.body(request?.id ?? '')?.toString()).toBe(PATCH.body)
    expect(bodies).toEqual([])
  })

  test('passes once it is approved, with the very bytes, and once only', async () => {
    await pod.call(DEPLOYMENT, PATCH)
    expect(await approve()).toMatchObject({ ok: true })
    expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({ httpStatus: 200 })
    expect(bodies).toEqual([PATCH.body])
    expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({ httpStatus: 403 })
    expect(bodies).toHaveLength(1)
    expect(pending()).toHaveLength(1)
  })

  test('is one request however often it is sent', async () => {
    for (let turn = 0; turn < 3; turn += 1) await pod.call(DEPLOYMENT, PATCH)
    expect(pending()).toHaveLength(1)
  })

  test.each<[string, () => unknown, CallOptions, string]>([
    ['another body', () => undefined, { ...PATCH, body: '{"spec":{"replicas":9}}' }, DEPLOYMENT],
    ['another query', () => undefined, PATCH, `${DEPLOYMENT}?force=true`],
    [
      'another media type',
      () => undefined,
      {
        ...PATCH,
        headers: ['content-type', 'application/strategic-merge-patch+json', 'lanyard-wait', '0'],
      },
      DEPLOYMENT,
    ],
    [
      'another object of the same name',
      () => controlPlane.objects.set('checkout', { uid: 'uid-2', resourceVersion: '9' }),
      PATCH,
      DEPLOYMENT,
    ],
    ['a rule that was changed', () => hold({ ruleDigest: 'f'.repeat(64) }), PATCH, DEPLOYMENT],
  ])('is held again with %s after an approval', async (_title, change, options, target) => {
    await pod.call(DEPLOYMENT, PATCH)
    await approve()
    change()
    expect(await pod.call(target, options)).toMatchObject({ httpStatus: 403 })
    expect(bodies).toEqual([])
    expect(pending()).toHaveLength(1)
  })

  test('passes with a newer version of the same object', async () => {
    await pod.call(DEPLOYMENT, PATCH)
    await approve()
    controlPlane.objects.set('checkout', { uid: 'uid-of-checkout', resourceVersion: '77' })
    expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({ httpStatus: 200 })
  })

  test('passes within its own call when the answer comes in time', async () => {
    const answer = pod.call(DEPLOYMENT, {
      ...PATCH,
      headers: [...(PATCH.headers ?? []).slice(0, 2)],
    })
    await expect.poll(pending).toHaveLength(1)
    await approve()
    expect(await answer).toMatchObject({ httpStatus: 200 })
    expect(bodies).toEqual([PATCH.body])
  })

  test('is refused for good once it is denied, in the words of who denied it', async () => {
    const answer = pod.call(DEPLOYMENT, {
      ...PATCH,
      headers: [...(PATCH.headers ?? []).slice(0, 2)],
    })
    await expect.poll(pending).toHaveLength(1)
    const [{ id = '', digest = '' } = {}] = pending()
    await controlPlane.approvals.deny(id, { by: oscar, reason: 'use staging', digest })
    const { httpStatus, text } = await answer
    expect(httpStatus).toBe(403)
    expect(text).toMatch(/was denied by oscar: use staging/)
    expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({
      text: expect.stringMatching(/stays denied/),
    })
    expect(pending()).toEqual([])
  })

  test('is answered again after a cancellation, and can be asked for again', async () => {
    await pod.call(DEPLOYMENT, PATCH)
    const [{ id = '' } = {}] = pending()
    const cancelled = await controlPlane.approvals.cancel(id, { by: aPerson('alice'), reason: '' })
    expect(cancelled).toMatchObject({ ok: true, request: { phase: 'Cancelled' } })
    expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({ httpStatus: 403 })
    expect(pending()).toHaveLength(1)
  })

  test('says why to the approver, and nothing of it to the API server', async () => {
    const headers = [...(PATCH.headers ?? []), 'Lanyard-Reason', 'scale down for INC-1']
    await pod.call(DEPLOYMENT, { ...PATCH, headers })
    expect(pending()[0]?.reason).toBe('scale down for INC-1')
    await approve()
    await pod.call(DEPLOYMENT, { ...PATCH, headers })
    expect(Object.keys(pod.api.requests[0]?.headers ?? {})).not.toContain('lanyard-reason')
    expect(Object.keys(pod.api.requests[0]?.headers ?? {})).not.toContain('lanyard-wait')
  })

  test('is refused with the reason where its body is too large to be looked through', async () => {
    const body = `{"x":"${'x'.repeat(1_024 * 1_024)}"}`
    const { httpStatus, text } = await pod.call(DEPLOYMENT, { ...PATCH, body })
    expect(httpStatus).toBe(413)
    expect(text).toMatch(/1048576 bytes/)
    expect(pending()).toEqual([])
  })

  test('takes a body of one MiB', async () => {
    const body = `{"x":"${'x'.repeat(1_024 * 1_024 - 8)}"}`
    expect(await pod.call(DEPLOYMENT, { ...PATCH, body })).toMatchObject({ httpStatus: 403 })
    await approve()
    expect(await pod.call(DEPLOYMENT, { ...PATCH, body })).toMatchObject({ httpStatus: 200 })
    expect(bodies).toEqual([body])
  })

  test('is refused where too many wait already, and says so', async () => {
    for (const name of ['a', 'b', 'c']) await pod.call(`${DEPLOYMENT}-${name}`, PATCH)
    const { httpStatus, text } = await pod.call(`${DEPLOYMENT}-d`, PATCH)
    expect(httpStatus).toBe(403)
    expect(text).toMatch(/3 requests of alice wait for an approval already/)
    expect(pending()).toHaveLength(3)
  })

  test('is approved by nobody of its chain, by no account and by no stranger', async () => {
    await pod.call(DEPLOYMENT, PATCH)
    const group = { groups: ['oncall'] }
    const account = serviceAccountUser('team', 'bot')
    for (const by of [aPerson('alice', group), { ...account, ...group }, aPerson('eve')]) {
      expect(await approve('request', by)).toMatchObject({ ok: false, code: 'forbidden' })
    }
    expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({ httpStatus: 403 })
  })

  test('is on record with all that became of it, and the allow names its grant', async () => {
    await pod.call(DEPLOYMENT, PATCH)
    const approved = await approve()
    expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({ httpStatus: 200 })
    const { auditEvents } = controlPlane.store
    const grantId = 'grant' in approved ? approved.grant?.id : undefined
    const allowed = await auditEvents.get(String(pod.api.requests[0]?.headers['audit-id']))
    expect(allowed).toMatchObject({ effect: 'allow', reason: 'approved', grantId })
    const { events } = await auditEvents.list({ effect: 'hold' }, { afterSequence: 0, limit: 9 })
    expect(events[0]?.accessChanges).toMatchObject([
      { change: 'requested', grantId: '' },
      { change: 'approved', by: 'oscar', reason: 'INC-1' },
      { change: 'granted', by: 'oscar', grantId },
    ])
  })
})

test('a requester breaks the glass where the policy says so, with an alarm and a mark on record', async () => {
  hold({ approvers: [], self: true, requireReason: true })
  await pod.call(DEPLOYMENT, PATCH)
  expect(await approve('request', oscar)).toMatchObject({ ok: false, code: 'forbidden' })
  expect(await approve('request', aPerson('alice'))).toMatchObject({
    ...{ ok: true, grant: { breakGlass: true } },
  })
  expect(controlPlane.logLines.join('')).toMatch(/BREAK GLASS/)
  expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({ httpStatus: 200 })
  const { auditEvents } = controlPlane.store
  const { events } = await auditEvents.list({ effect: 'hold' }, { afterSequence: 0, limit: 9 })
  expect(events[0]?.accessChanges?.at(-1)).toMatchObject({ change: 'granted', breakGlass: true })
})

test('a grant of the scope rule lets everything of the rule pass until it expires', async () => {
  hold({ durationMs: 60_000 })
  await pod.call(DEPLOYMENT, PATCH)
  await approve('rule')
  expect(await pod.call(`${DEPLOYMENT}-other`, PATCH)).toMatchObject({ httpStatus: 200 })
  expect(await pod.call(DEPLOYMENT, { method: 'DELETE' })).toMatchObject({ httpStatus: 200 })
  controlPlane.clock.nowMs += 60_000
  expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({ httpStatus: 403 })
})

test('a grant of the scope command lets the same request pass again and again, and no other', async () => {
  await pod.call(DEPLOYMENT, PATCH)
  await approve('command')
  for (const httpStatus of [200, 200]) {
    expect(await pod.call(DEPLOYMENT, PATCH)).toMatchObject({ httpStatus })
  }
  const other = { ...PATCH, body: '{"spec":{"replicas":9}}' }
  expect(await pod.call(DEPLOYMENT, other)).toMatchObject({ httpStatus: 403 })
})

test('a request that nobody answers in time expires, and an answer afterwards is refused', async () => {
  await pod.call(DEPLOYMENT, PATCH)
  const [{ id = '', digest = '' } = {}] = pending()
  controlPlane.clock.nowMs += 3_600_000
  const late = await controlPlane.approvals.approve(id, {
    ...{ by: oscar, reason: '', digest, scope: 'request' },
  })
  expect(late).toMatchObject({ ok: false, code: 'conflict' })
  await expect.poll(() => controlPlane.approvals.store.get(id)?.phase).toBe('Expired')
})

describe('an exec that a rule holds', () => {
  /** Sends the request for an exec; resolves with the head of the answer, and the open connection. */
  async function ask(method: 'GET' | 'POST'): Promise<{ head: string; socket: TLSSocket }> {
    const socket = await pod.connect()
    const upgrade = method === 'GET' ? 'websocket' : 'SPDY/3.1'
    socket.write(
      `${method} ${EXEC} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${pod.token}\r\nLanyard-Wait: 0\r\n` +
        `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n`,
    )
    const head = await new Promise<string>((resolve) => {
      socket.once('data', (bytes: Buffer) => resolve(bytes.toString()))
    })
    return { head, socket }
  }

  async function open(): Promise<{ ended: Promise<unknown> }> {
    pod.api.onUpgrade((incoming, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${incoming.headers.upgrade}\r\n\r\n`,
      )
    })
    expect((await ask('GET')).head).toMatch(/^HTTP\/1\.1 403/)
    expect(await approve()).toMatchObject({ ok: true })
    const { head, socket } = await ask('GET')
    expect(head).toMatch(/^HTTP\/1\.1 101/)
    const ended = new Promise((resolve) => {
      socket.on('error', () => undefined)
      socket.on('end', resolve)
      socket.on('close', resolve)
      socket.resume()
    })
    return { ended }
  }

  test('is one request over WebSocket and over SPDY', async () => {
    await ask('GET')
    await ask('POST')
    expect(pending()).toMatchObject([{ held: { attributes: { exec: { command: ['ls'] } } } }])
  })

  test('opens by its grant, once, and its end cuts the open session within two seconds', async () => {
    const { ended } = await open()
    const [grant] = controlPlane.approvals.store.grants({}, '', 10)
    expect(grant).toMatchObject({ phase: 'Used', uses: 1 })
    expect((await ask('GET')).head).toMatch(/^HTTP\/1\.1 403/)
    const beganMs = performance.now()
    controlPlane.clock.nowMs += 900_000
    await ended
    expect(performance.now() - beganMs).toBeLessThan(2_000)
  })

  test('is cut within two seconds when its grant is revoked', async () => {
    const { ended } = await open()
    const [{ id = '' } = {}] = controlPlane.approvals.store.grants({}, '', 10)
    const beganMs = performance.now()
    expect(await controlPlane.approvals.revoke(id, { by: oscar, reason: 'done' })).toMatchObject({
      ...{ ok: true, grant: { phase: 'Revoked' } },
    })
    await ended
    expect(performance.now() - beganMs).toBeLessThan(2_000)
  })

  test('stays open while nothing of its grant has ended', async () => {
    const { ended } = await open()
    controlPlane.recheck()
    const first = await Promise.race([
      ended.then(() => 'ended'),
      new Promise((resolve) => {
        setTimeout(() => resolve('open'), 700)
      }),
    ])
    expect(first).toBe('open')
  })
})
