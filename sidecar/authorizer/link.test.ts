import { expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { createBackoff } from './backoff.ts'
import type { Enrolment } from './enrolment.ts'
import { Link, type LinkConnection } from './link.ts'

const LIFE_MS = 100_000

/** A stream that ends when the test says so. */
class FakeStream {
  readonly #over = Promise.withResolvers<unknown>()
  readonly ended = this.#over.promise
  readonly session: string
  finished = false

  constructor(session: string) {
    this.session = session
  }

  end(error?: unknown): void {
    this.#over.resolve(error)
  }

  async finish(): Promise<void> {
    this.finished = true
    this.end()
  }
}

interface World {
  ready: () => Promise<void>
  enrol: () => Promise<void>
  enrolments: number
  connections: number
  readonly streams: FakeStream[]
  readonly told: string[]
}

function aLink(from: Partial<Pick<World, 'ready' | 'enrol'>> = {}) {
  const clock = new ManualClock(1_000)
  const world: World = {
    ready: async () => undefined,
    enrol: async () => undefined,
    enrolments: 0,
    connections: 0,
    streams: [],
    told: [],
    ...from,
  }
  function connect(): LinkConnection<FakeStream> {
    world.connections += 1
    return {
      ready: () => world.ready(),
      async enrol(): Promise<Enrolment> {
        await world.enrol()
        world.enrolments += 1
        const nowMs = clock.nowMs()
        const session = `session ${world.enrolments}`
        const renewAtMs = nowMs + LIFE_MS * 0.8
        return { session, renewAtMs, expiresAtMs: nowMs + LIFE_MS, ids: undefined }
      },
      openStream({ session }) {
        const stream = new FakeStream(session)
        world.streams.push(stream)
        return stream
      },
      close: () => world.told.push('closed'),
    }
  }
  const link = new Link<FakeStream>({
    ...{ connect, clock },
    backoff: createBackoff({ minMs: 100, maxMs: 400, random: () => 1 }),
    logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
    isUnknownSession: (error) => error === 'unknown session',
    onServing: ({ session }) => void world.told.push(`serving ${session}`),
    onLost: () => void world.told.push('lost'),
  })
  return { clock, world, link }
}

const away = () => Promise.reject(new Error('away'))

test('Link connects, enrols and serves', async () => {
  const { clock, world, link } = aLink()
  expect(link.state).toBe('connecting')
  await clock.advance(0)
  expect(link.state).toBe('serving')
  expect(world.told).toEqual(['serving session 1'])
  expect(link.enrolment?.session).toBe('session 1')
})

test('Link renews the session after four fifths of its life, without a gap', async () => {
  const { clock, world, link } = aLink()
  await clock.advance(LIFE_MS * 0.8)
  expect(world.told).toEqual(['serving session 1', 'serving session 2'])
  expect(world.streams.map(({ finished }) => finished)).toEqual([true, false])
  expect(link.state).toBe('serving')
})

test('Link serves on with the old session while there is no new one, and asks again', async () => {
  const { clock, world, link } = aLink()
  await clock.advance(0)
  world.enrol = away
  await clock.advance(LIFE_MS * 0.8)
  expect(link.state).toBe('serving')
  expect(world.told).toEqual(['serving session 1', 'serving session 1'])
  world.enrol = async () => undefined
  await clock.advance(5_000)
  expect(world.told.at(-1)).toBe('serving session 2')
})

test('Link begins again after a while when the stream is lost, with the session that it has', async () => {
  const { clock, world, link } = aLink()
  await clock.advance(0)
  world.streams[0]?.end(new Error('cut'))
  await clock.advance(0)
  expect(link.state).toBe('waiting')
  expect(world.told).toEqual(['serving session 1', 'lost'])
  await clock.advance(100)
  expect(world.told).toEqual(['serving session 1', 'lost', 'serving session 1'])
  expect(world.enrolments).toBe(1)
})

test('Link takes a stream that ends without an error for lost too', async () => {
  const { clock, world, link } = aLink()
  await clock.advance(0)
  world.streams[0]?.end()
  await clock.advance(0)
  expect(link.state).toBe('waiting')
})

test('Link enrols again when the session is not known any more', async () => {
  const { clock, world } = aLink()
  await clock.advance(0)
  world.streams[0]?.end('unknown session')
  await clock.advance(100)
  expect(world.told.at(-1)).toBe('serving session 2')
})

test('Link waits longer after each failure, over a new connection each time', async () => {
  const { clock, world, link } = aLink({ ready: away })
  await clock.advance(0)
  expect(link.state).toBe('waiting')
  await clock.advance(100)
  await clock.advance(200)
  await clock.advance(400)
  expect(world.connections).toBe(5)
  world.ready = async () => undefined
  await clock.advance(400)
  expect(link.state).toBe('serving')
})

test('Link that cannot enrol serves nothing', async () => {
  const { clock, world, link } = aLink({ enrol: away })
  await clock.advance(0)
  expect(link.state).toBe('waiting')
  expect(world.streams).toEqual([])
})

test.each([
  ['serves', async () => undefined, async () => undefined],
  ['waits to try again', away, async () => undefined],
  ['cannot enrol', async () => undefined, away],
])('close() of a link that %s ends it for good', async (_name, ready, enrol) => {
  const { clock, world, link } = aLink({ ready, enrol })
  await clock.advance(0)
  await link.close()
  const streams = world.streams.length
  expect(world.told.slice(-2)).toEqual(['lost', 'closed'])
  await clock.advance(LIFE_MS)
  expect(link.state).toBe('closed')
  expect(world.streams).toHaveLength(streams)
  expect(clock.waiting).toBe(0)
})

test('close() while the session is renewed opens no other stream', async () => {
  const { clock, world, link } = aLink()
  await clock.advance(0)
  const late = Promise.withResolvers<void>()
  world.enrol = () => late.promise
  await clock.advance(LIFE_MS * 0.8)
  expect(link.state).toBe('renewing')
  const closed = link.close()
  late.resolve()
  await closed
  expect(world.streams).toHaveLength(1)
  expect(world.streams[0]?.finished).toBe(true)
})
