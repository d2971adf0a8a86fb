import { statSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Effect } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { AskingSidecar } from '../../support/asking-sidecar.ts'
import { findHelm, findKube } from '../../support/find-kubernetes.ts'
import {
  type FloodedControlPlane,
  startFloodedControlPlane,
} from '../../support/flooded-control-plane.ts'
import type { FloodingPod, FloodKind } from '../../support/flooding-pod.ts'
import { readLog } from '../../support/read-log.ts'

/*
 * One pod, or somebody without a credential, brings all it can; the pod of another person goes on. Its times
 * are those of the same run without the flood, in rounds that take turns, so that a busy machine is slow in
 * both.
 */

const ROUNDS = 5
const ASKED = 40
/**
 * What is faster is no harm: sidecars wait five seconds. A flood keeps two cores busy, and so do other tests:
 * the share of the machine that a flood takes is none of what a queue could give back.
 */
const HARMLESS_MS = 1_000
/** What a question of the flood may come to: on a busy machine a review may be late as well. */
const LATER = ['decision', 'overloaded', 'decision_unavailable']

/** For the few strangers who are let stay, what they said, and garbage that is not yet collected. */
const GROWN_BYTES_MAX = 64 * 1_024 * 1_024

const kube = findKube()
const helm = findHelm()

let controlPlane: FloodedControlPlane
let alice: AskingSidecar
let bob: FloodingPod
let askedByAlice = 0

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
const slowTenth = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.9)] ?? 0

/**
 * Asks one after the other, each fourth what nobody asked before; resolves with what nine of ten take at
 * most, in milliseconds.
 */
async function askAsAlice(): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < ASKED; count += 1) {
    const began = performance.now()
    askedByAlice += 1
    const isNew = askedByAlice % 4 === 0
    const question = isNew ? { verb: 'get', name: `new-${askedByAlice}` } : { verb: 'list' }
    const message = await alice.ask(question)
    times.push(performance.now() - began)
    expect(message).toMatchObject({ case: 'decision', value: { effect: Effect.ALLOW } })
  }
  return slowTenth(times)
}

/** Alice's times alone and under a flood, which goes on until she is done. */
async function compare(kind: FloodKind) {
  const [alone, flooded]: [number[], number[]] = [[], []]
  const outcomes = new Set<string>()
  let sent = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    alone.push(await askAsAlice())
    const asking = askAsAlice()
    const report = await bob.flood(kind, asking)
    flooded.push(await asking)
    sent += report.sent
    for (const outcome of report.outcomes) outcomes.add(outcome)
  }
  const times = { aloneMs: median(alone), floodedMs: median(flooded) }
  return { times, outcomes: [...outcomes], sent }
}

function expectUnhurt({ aloneMs, floodedMs }: Record<'aloneMs' | 'floodedMs', number>): void {
  expect(floodedMs).toBeLessThan(Math.max(2 * aloneMs, HARMLESS_MS))
}

function recordsOf({ podUid }: { readonly podUid: string }): number {
  const all = readLog(controlPlane.process.databaseFile)
  return all.filter((decision) => decision.podUid === podUid).length
}

function recordBytes(): number {
  const { databaseFile } = controlPlane.process
  return [databaseFile, `${databaseFile}-wal`]
    .map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0)
}

describe.skipIf(kube === undefined || helm === undefined)('the control plane', () => {
  beforeAll(async () => {
    controlPlane = await startFloodedControlPlane({ kube: kube ?? '', helm: helm ?? '' })
    alice = await controlPlane.sidecarOf('alice')
    bob = await controlPlane.floodingPodOf('bob')
    await askAsAlice()
  }, 240_000)
  afterAll(async () => {
    alice?.close()
    await bob?.close()
    await controlPlane?.close()
  })

  test('goes on for others while one pod asks 450 questions at the same moment that nobody asked before', async () => {
    const { times, outcomes } = await compare('questions')
    expect(outcomes).toEqual(expect.arrayContaining(['decision', 'overloaded']))
    expect(LATER).toEqual(expect.arrayContaining(outcomes))
    expect((await controlPlane.process.health('/readyz')).status).toBe(200)
    expectUnhurt(times)
  }, 180_000)

  test('keeps the record of refusals small that one pod makes as fast as it can, and records others', async () => {
    const before = { bytes: recordBytes(), alice: recordsOf(alice), bob: recordsOf(bob) }
    const began = performance.now()
    const { times, sent } = await compare('refusals')
    const seconds = (performance.now() - began) / 1_000
    expect(recordsOf(alice) - before.alice).toBe(2 * ROUNDS * ASKED)
    // The first sixty have a record each, then one a second; what is beyond is counted.
    expect(sent).toBeGreaterThan(300)
    expect(recordsOf(bob) - before.bob).toBeLessThan(60 + seconds + 10)
    expect(recordBytes() - before.bytes).toBeLessThan(8 * 1_024 * 1_024)
    expectUnhurt(times)
  }, 180_000)

  test('goes on for pods while 100 forged enrolments come at the same moment', async () => {
    const { times, outcomes } = await compare('forgeries')
    expect(['UNAUTHENTICATED', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE']).toEqual(
      expect.arrayContaining(outcomes),
    )
    expectUnhurt(times)
  }, 180_000)

  test.each([
    ['gRPC', 'grpcPort'],
    ['the access API', 'accessApiPort'],
  ] as const)(
    'grows little when 1,000 strangers leave what they say at the port for %s unfinished',
    async (_name, port) => {
      const before = await controlPlane.ownBytes()
      const sockets = Array.from({ length: 1_000 }, () => stranger(controlPlane.process[port]))
      await new Promise((resolve) => setTimeout(resolve, 3_000))
      const after = await controlPlane.ownBytes()
      const answer = alice.ask({ verb: 'list' })
      expect(await answer).toMatchObject({ case: 'decision', value: { effect: Effect.ALLOW } })
      for (const socket of sockets) socket.destroy()
      expect(after).toBeGreaterThan(0)
      expect(after - before).toBeLessThan(GROWN_BYTES_MAX)
    },
    60_000,
  )
})

/** Begins a message, and never ends it. */
function stranger(port: number): TLSSocket {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  socket.on('error', () => undefined)
  socket.on('secureConnect', () => socket.write(`POST / HTTP/1.1\r\nx: ${'x'.repeat(60_000)}`))
  socket.resume()
  return socket
}
