import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defineMaskProfile } from '../../../core/masking/mask-profile.ts'
import { Effect } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { RecordLevel } from '../../../proto/gen/lanyard/v1/recording_pb.ts'
import { told } from '../../support/observe-bytes.ts'
import { eventually, readAll, type SidecarFixture } from '../../support/sidecar-fixture.ts'
import { SpdyHeaders, spdyData } from '../../support/spdy-bytes.ts'
import { openTunnelTo, startTunnelFixture, tunnelHead } from '../../support/tunnel-openings.ts'
import { frame, fromClient, fromServer } from '../../support/websocket-bytes.ts'

/* What a decision hides is not in the output of exec and attach either, nor in what is recorded of them. */

// In two parts, so that nobody takes it for a real one.
const GITHUB = `ghp${'_'}S3cdLqBfA9kq2hYw7Vt0pXeR5nMz1u2Kd8Tj`
const STAFF = 'EMP-739152'
const EXIT = '{"status":"Success"}'
const CLOSE = frame(Buffer.from([3, 0xe8]), { opcode: 8 })
const staff = defineMaskProfile('staff', {
  patterns: [{ name: 'number', pattern: 'EMP-[0-9]{6}', examples: ['EMP-123456'] }],
})
const EXEC = '/api/v1/namespaces/team/pods/web/exec?command=env&stdin=true&stdout=true&stderr=true'

let fixture: SidecarFixture

function maskWith(record = false): void {
  fixture.controlPlane.decide((_question, decisionId) => ({
    case: 'decision',
    value: {
      ...{ decisionId, effect: Effect.ALLOW_WITH_OBLIGATIONS },
      obligations: {
        ...{ mask: ['credentials', staff.id], profiles: [staff] },
        maskKey: new Uint8Array(32).fill(5),
        ...(record ? { record, recordLevel: RecordLevel.ALL } : {}),
      },
    },
  }))
}

beforeEach(async () => {
  fixture = await startTunnelFixture()
  maskWith()
})
afterEach(() => fixture.close())

const websocket = (target = EXEC) =>
  tunnelHead(fixture, `GET ${target}`, [
    ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
    ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: v5.channel.k8s.io'],
  ])
const spdy = () =>
  tunnelHead(fixture, `POST ${EXEC}`, [
    ...['Connection: Upgrade', 'Upgrade: SPDY/3.1'],
    'X-Stream-Protocol-Version: v4.channel.k8s.io',
  ])
const switching = (protocol: string, subprotocol: string) =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${subprotocol}\r\n\r\n`
const WEBSOCKET = switching('websocket', 'Sec-WebSocket-Protocol: v5.channel.k8s.io')
const SPDY = switching('SPDY/3.1', 'X-Stream-Protocol-Version: v4.channel.k8s.io')

/** A tunnel, and what the caller gets after the head, as it comes. */
async function open(head: string, answer: string): Promise<[TLSSocket, Duplex, () => string]> {
  const [caller, server] = await openTunnelTo(fixture, head, answer)
  let got = ''
  caller.on('data', (chunk: Buffer) => {
    got += chunk.toString('latin1')
  })
  caller.on('end', () => caller.end())
  await eventually('the 101', () => got.includes('\r\n\r\n'))
  return [caller, server, () => got.slice(got.indexOf('\r\n\r\n') + 4)]
}

const outcome = () => fixture.controlPlane.outcomes[0]

describe('an exec under masks', () => {
  test('has tokens in its output over a WebSocket, whatever it is cut into, and is counted', async () => {
    const [, server, got] = await open(websocket(), WEBSOCKET)
    const said = Buffer.concat([
      fromServer(1, ''),
      fromServer(1, `login with ${GITHUB.slice(0, 9)}`),
      fromServer(1, `${GITHUB.slice(9)} by ${STAFF}\n`),
      fromServer(3, EXIT),
      CLOSE,
    ])
    for (const byte of said) server.write(Buffer.from([byte]))
    await eventually('the end', () => got().endsWith(CLOSE.toString('latin1')))
    server.end()
    expect(got()).toMatch(/login with lanyard-masked-\w{24} by lanyard-masked-\w{24}\n/)
    expect(got()).not.toContain(GITHUB.slice(9))
    await eventually('the outcome', () => outcome() !== undefined)
    expect(outcome()).toMatchObject({
      httpStatus: 101,
      fault: '',
      masked: [
        { mask: 'credentials', values: 1n },
        { mask: staff.id, values: 1n },
      ],
    })
  })

  test('has tokens in its output over SPDY, and passes what is typed as it is', async () => {
    const client = new SpdyHeaders()
    const streams = await Promise.all(
      ['error', 'stdin', 'stdout'].map((type, at) =>
        client.open(1 + 2 * at, [['streamtype', type]]),
      ),
    )
    const [caller, server, got] = await open(spdy(), SPDY)
    const heard: Buffer[] = []
    server.on('data', (chunk: Buffer) => heard.push(chunk))
    const typed = Buffer.concat([...streams, spdyData(3, `echo ${GITHUB}\r`)])
    caller.write(typed)
    await eventually('all was heard', () => Buffer.concat(heard).equals(typed))
    server.write(Buffer.concat([spdyData(5, GITHUB.slice(0, 20)), spdyData(5, GITHUB.slice(20))]))
    server.write(Buffer.concat([spdyData(5, '\n', 1), spdyData(1, EXIT), spdyData(1, '', 1)]))
    await eventually('the end', () => got().includes(EXIT))
    server.end()
    expect(got()).toMatch(/lanyard-masked-\w{24}/)
    expect(got()).not.toContain(GITHUB.slice(20))
  })

  test('shows a prompt while it is open', async () => {
    const [caller, server, got] = await open(websocket(), WEBSOCKET)
    server.write(fromServer(1, 'password? '))
    await eventually('the prompt', () => got().includes('password? '))
    caller.write(fromClient(0, 'x\r'))
    server.end()
    caller.destroy()
  })

  test('is recorded as it was shown', async () => {
    maskWith(true)
    const [, server] = await open(websocket(), WEBSOCKET)
    server.write(Buffer.concat([fromServer(1, `a ${GITHUB}\n`), fromServer(3, EXIT), CLOSE]))
    server.end()
    const [recording] = fixture.controlPlane.recordings.all
    await eventually('the end is on record', () => recording?.ending !== undefined)
    const events = recording?.events.map(({ atUs: _, ...event }) => event) ?? []
    expect(told(events)).toEqual([
      ['output', expect.stringMatching(/^a lanyard-masked-\w{24}\n$/)],
      { kind: 'exit', code: 0, status: EXIT },
    ])
  })

  test('ends where what comes cannot be read, and tells why on record', async () => {
    maskWith(true)
    const [caller, server] = await open(websocket(), WEBSOCKET)
    server.write(Buffer.from([0xc2, 1, 1]))
    await eventually('the outcome', () => outcome() !== undefined)
    expect(outcome()).toMatchObject({ httpStatus: 101, fault: 'upstream_failed' })
    const [recording] = fixture.controlPlane.recordings.all
    await eventually('the end is on record', () => recording?.ending !== undefined)
    expect(recording).toMatchObject({ ending: 'unreadable' })
    caller.destroy()
  })

  test('is refused where the API server chose what cannot be masked', async () => {
    const answer = switching('websocket', 'Sec-WebSocket-Protocol: v9.channel.k8s.io')
    const [caller] = await openTunnelTo(fixture, websocket(), answer)
    const text = await readAll(caller)
    expect(text).toMatch(/^HTTP\/1.1 502/)
    expect(text).toContain('The output of this session must be masked')
  })

  test.each([
    [
      'a Status',
      'application/json',
      JSON.stringify({ kind: 'Status', message: `no ${GITHUB}` }),
      /no lanyard-masked-\w{24}/,
    ],
    ['words', 'text/plain', `no ${GITHUB}`, /its words are not shown/],
  ])('has tokens in a refusal that is %s', async (_name, type, body, want) => {
    const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}`
    const [caller] = await openTunnelTo(fixture, websocket(), `${head}\r\n\r\n${body}`)
    const text = await readAll(caller)
    expect(text).toMatch(/^HTTP\/1.1 400/)
    expect(text).toMatch(want)
    expect(text).not.toContain(GITHUB)
  })

  test('is refused where the command writes an archive, which would come damaged', async () => {
    const reached: string[] = []
    fixture.api.onUpgrade(({ url = '' }) => void reached.push(url))
    const caller = await fixture.connect()
    const command = 'command=tar&command=cf&command=-&command=/data'
    caller.write(websocket(`/api/v1/namespaces/team/pods/web/exec?${command}&stdout=true`))
    const answer = await readAll(caller)
    expect(answer).toMatch(/^HTTP\/1.1 403 /)
    expect(answer).toContain('read single files as text')
    expect(reached).toEqual([])
    await eventually('the outcome', () => outcome() !== undefined)
    expect(outcome()).toMatchObject({ fault: 'permission_denied' })
  })

  test('is refused as an upgrade of anything else, whose bytes nobody knows', async () => {
    const caller = await fixture.connect()
    caller.write(websocket('/apis/x.example.com/v1/namespaces/team/things/a/exec'))
    const text = await readAll(caller)
    expect(text).toMatch(/^HTTP\/1.1 403/)
    expect(text).toContain('an exec and an attach only')
  })
})
