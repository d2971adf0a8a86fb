import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WRONG_MEDIA_TYPE } from '../../../core/policy/refusal.ts'
import { Effect } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { type SidecarFixture, startSidecarFixture } from '../../support/sidecar-fixture.ts'

/* What pods would run is read out of the body before the decision, and told to the control plane. */

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture()
})
afterEach(() => fixture.close())

const JOBS = '/apis/batch/v1/namespaces/team/jobs'
const type = (contentType: string) => ['Content-Type', contentType]
const RM = {
  spec: { template: { spec: { containers: [{ name: 'a', command: ['rm', '-rf', '/'] }] } } },
}
const PROTOBUF = 'application/vnd.kubernetes.protobuf'

test.each([
  ['a new Job in JSON', 'POST', JOBS, 'application/json', JSON.stringify(RM)],
  ['an apply', 'PATCH', `${JOBS}/a`, 'application/apply-patch+yaml', JSON.stringify(RM)],
  [
    'a Job in YAML',
    'POST',
    JOBS,
    'application/yaml',
    'spec: {template: {spec: {containers: [{name: a, command: [rm, -rf, /]}]}}}',
  ],
])(
  'withBody() tells what %s runs, and sends the same bytes',
  async (_name, method, path, media, body) => {
    let sent = ''
    fixture.api.onRequest((incoming, outgoing) => {
      incoming.on('data', (chunk: Buffer) => {
        sent += chunk.toString()
      })
      incoming.on('end', () => outgoing.writeHead(201).end('{}'))
    })
    const answer = await fixture.call(path, { method, headers: type(media), body })
    expect(answer.httpStatus).toBe(201)
    expect(fixture.controlPlane.questions[0]?.template?.commands).toMatchObject([
      { at: 'spec.template.spec.containers[0] (a)', command: ['rm', '-rf', '/'] },
    ])
    expect(sent).toBe(body)
  },
)

test.each([
  ['protobuf', PROTOBUF, 'k8s\0x', true],
  ['CBOR', 'application/cbor', '\u00d9', true],
  ['broken JSON', 'application/json', '{', false],
])(
  'withBody() tells that %s is not read, and sends the same bytes',
  async (_name, media, body, wrongMediaType) => {
    await fixture.call(JOBS, { method: 'POST', headers: type(media), body })
    expect(fixture.controlPlane.questions[0]?.template).toMatchObject({
      ...{ commands: [], wrongMediaType },
      problem: expect.stringMatching(/send/),
    })
    expect(fixture.api.requests).toHaveLength(1)
  },
)

test.each([
  ['a body of another resource', 'POST', '/api/v1/namespaces/team/configmaps', JSON.stringify(RM)],
  ['a read', 'GET', JOBS, ''],
])('withBody() tells nothing of %s', async (_name, method, path, body) => {
  await fixture.call(path, { method, headers: type('application/json'), body })
  expect(fixture.controlPlane.questions[0]?.template).toBeUndefined()
})

describe('denialStatus()', () => {
  test.each([
    [
      '415 for a media type',
      [{ reason: WRONG_MEDIA_TYPE, field: 'body', message: 'JSON' }],
      415,
      'UnsupportedMediaType',
    ],
    ['403 for a command', [], 403, 'Forbidden'],
  ])('is %s, before a byte is sent on', async (_name, causes, code, reason) => {
    fixture.controlPlane.decide((_request, id) => ({
      case: 'decision',
      value: { decisionId: id, effect: Effect.DENY, message: 'no', causes },
    }))
    const answer = await fixture.call(JOBS, {
      method: 'POST',
      headers: type(PROTOBUF),
      body: 'k8s\0',
    })
    expect(answer.httpStatus).toBe(code)
    expect(JSON.parse(answer.text)).toMatchObject({ kind: 'Status', code, reason, message: 'no' })
    expect(fixture.api.requests).toEqual([])
  })
})
