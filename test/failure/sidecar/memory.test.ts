import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_AMOUNTS } from '../../../core/pods/sidecar-resources.ts'
import { type FakeApiServer, startFakeApiServer } from '../../support/fake-api-server.ts'
import { callGreedily, type GreedyCaller } from '../../support/greedy-callers.ts'
import { type LimitedSidecar, startLimitedSidecar } from '../../support/limited-sidecar.ts'
import { eventually } from '../../support/sidecar-fixture.ts'

/*
 * A sidecar with as little memory as the chart allows, as its image runs it, and callers that take all they
 * can get: it refuses, or makes them wait, and goes on. `npm run bench -- memory` does the same with the
 * default limit and a real kube-apiserver.
 */

const LIMIT = Number.parseInt(DEFAULT_AMOUNTS.memoryLimitMin, 10) * 1024 * 1024
const PATH = '/api/v1/namespaces/team/configmaps'
const WATCH = `${PATH}?watch=true`
const LIST = `${PATH}?limit=0`
const EVENT = Buffer.alloc(100_000, 'e')
const LISTED = Buffer.alloc(1_000_000, 'x')

let api: FakeApiServer
let sidecar: LimitedSidecar
let peakBytes = 0
let sampler: NodeJS.Timeout
const watches: ServerResponse[] = []
const callers: GreedyCaller[] = []

beforeEach(async () => {
  api = await startFakeApiServer()
  api.onRequest((incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    if (incoming.url === WATCH) watches.push(outgoing.on('error', () => undefined))
    else if (incoming.url === LIST) void answerList(outgoing)
    else outgoing.end('{}')
    outgoing.flushHeaders()
  })
  const { url, caPem } = api
  // All parts but the sidecar share one thread, which is busy.
  const env = { LANYARD_DECISION_TIMEOUT_MS: '60000', LANYARD_RECONNECT_WAIT_MS: '60000' }
  sidecar = await startLimitedSidecar({ limitBytes: LIMIT, url, caPem, token: 'real', env })
  const sample = async () => {
    const [own, group] = await Promise.all([sidecar.ownBytes(), sidecar.groupBytes()])
    peakBytes = Math.max(peakBytes, own, group)
  }
  sampler = setInterval(() => void sample(), 50)
})
afterEach(async () => {
  clearInterval(sampler)
  for (const caller of callers) caller.end()
  await sidecar.close()
  await api.close()
})

/** 24 MB, as fast as they are taken. */
async function answerList(outgoing: ServerResponse): Promise<void> {
  for (let index = 0; index < 24 && !outgoing.destroyed; index += 1) {
    await new Promise<void>((resolve) => {
      outgoing.once('close', resolve)
      outgoing.write(LISTED, () => resolve())
    })
  }
  outgoing.end()
}

function open(count: number, target: string, bytesPerTick: number): readonly GreedyCaller[] {
  const more = Array.from({ length: count }, () => callGreedily(sidecar, { target, bytesPerTick }))
  callers.push(...more)
  return more
}

const answered = (some: readonly GreedyCaller[]) =>
  some.every(({ httpStatus, closed }) => httpStatus !== 0 || closed)
const statusesOf = (some: readonly GreedyCaller[]) => [
  ...new Set(some.map(({ httpStatus }) => httpStatus)),
]

test('startSidecar() with the least memory outlives watches in bursts, slow lists and many connections', async () => {
  const reading = open(10, WATCH, Number.POSITIVE_INFINITY)
  const idle = open(50, WATCH, 0)
  await eventually('watches', () => answered([...reading, ...idle]), 60_000)
  const lists = open(30, LIST, 20_000)
  for (let burst = 0; burst < 6; burst += 1) {
    for (const watch of watches) watch.write(EVENT)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const connections = open(60, PATH, Number.POSITIVE_INFINITY)
  await eventually('answers', () => answered([...lists, ...connections]), 60_000)
  expect(sidecar.ended()).toBeUndefined()
  expect(statusesOf(reading)).toEqual([200])
  expect(statusesOf([...idle, ...lists, ...connections]).sort()).toEqual([200, 429])
  const refused = callers.filter(({ httpStatus }) => httpStatus === 429)
  expect(refused.every(({ retryAfter }) => retryAfter)).toBe(true)
  // Those who read get all that was sent, at the latest once the others have gone.
  for (const caller of [...idle, ...lists, ...connections]) caller.end()
  const all = 6 * EVENT.length
  await eventually('events', () => reading.every(({ bytes }) => bytes > all), 60_000)
  expect(peakBytes).toBeGreaterThan(16 * 1024 * 1024)
  expect(peakBytes).toBeLessThan(LIMIT)
  for (const caller of callers.splice(0)) caller.end()
  let last: GreedyCaller | undefined
  await expect
    .poll(
      async () => {
        ;[last] = open(1, PATH, Number.POSITIVE_INFINITY)
        await eventually('an answer', () => last !== undefined && answered([last]))
        return last?.httpStatus
      },
      { timeout: 10_000 },
    )
    .toBe(200)
  expect(sidecar.ended()).toBeUndefined()
}, 240_000)
