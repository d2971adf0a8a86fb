import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  eventually,
  readAll,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/* One caller opens connections without end; what is under way goes on, and others are served. */

const PODS = '/api/v1/namespaces/team/pods'
const OPEN_MAX = 8
/** Beside those with a request: see proxy/front/memory-budget.ts. */
const IDLE_MAX = 480

let fixture: SidecarFixture
const held: Socket[] = []
beforeEach(async () => {
  fixture = await startSidecarFixture({ LANYARD_OPEN_REQUESTS_MAX: `${OPEN_MAX}` })
})
afterEach(async () => {
  for (const socket of held.splice(0)) socket.destroy()
  await fixture.close()
})

/** Connections that are not even in the middle of a handshake, or stop in the middle of one. */
async function flood(count: number, first: Buffer): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const socket = connect({ port: fixture.sidecar.port, host: '127.0.0.1' })
    held.push(socket)
    socket.on('error', () => undefined)
    socket.write(first)
    if (index % 50 === 0) await once(socket, 'connect')
  }
}

const openHeld = () => held.filter(({ closed }) => !closed).length

test.each([
  ['no byte', Buffer.alloc(0)],
  ['the beginning of a handshake', Buffer.from([22, 3, 1, 0, 200, 1])],
])(
  'startServer() serves others and goes on with a watch while one floods it with %s',
  async (_name, first) => {
    const events = Promise.withResolvers<void>()
    fixture.api.onRequest((incoming, outgoing) => {
      outgoing.writeHead(200).write('{}')
      if (incoming.url === PODS) outgoing.end()
      else void events.promise.then(() => outgoing.end('an event'))
    })
    const watch = await fixture.connect()
    const received = readAll(watch)
    watch.write(
      `GET ${PODS}?watch=1 HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
    )
    await eventually('watch', () => fixture.api.requests.length === 1)
    await flood(2 * IDLE_MAX, first)
    expect((await fixture.call(PODS)).httpStatus).toBe(200)
    await flood(IDLE_MAX, first)
    expect((await fixture.call(PODS)).httpStatus).toBe(200)
    await eventually('bounded', () => openHeld() <= OPEN_MAX + IDLE_MAX)
    events.resolve()
    expect(await received).toContain('an event')
  },
)
