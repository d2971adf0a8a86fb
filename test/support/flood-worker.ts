import { parentPort, workerData } from 'node:worker_threads'
import { ChannelCredentials } from '@grpc/grpc-js'
import { type Channel, enrollAt, openSidecar } from './asking-sidecar.ts'
import type { FloodKind, FloodReport, FloodTarget } from './flooding-pod.ts'

/* A thread of its own, so that what a flood costs its maker does not slow down whoever measures. */

const { place, caPem, session, podUid } = workerData as FloodTarget
const channel: Channel = [place, ChannelCredentials.createSsl(Buffer.from(caPem))]
const sidecar = openSidecar(channel, podUid, session)

let sent = 0
let isOver = false

/** 450 at the same moment, and again when all are answered. */
async function askWhatNobodyAsked(note: (answer: string) => void): Promise<void> {
  while (!isOver) {
    const questions = Array.from({ length: 450 }, async () => {
      sent += 1
      note(await sidecar.askForOutcome({ verb: 'get', name: `never-${sent}` }))
    })
    await Promise.all(questions)
  }
}

/** Requests that nobody may make, long in all that goes on record, from 64 callers. */
async function makeRefusals(note: (answer: string) => void): Promise<void> {
  const writeOn = async () => {
    while (!isOver) {
      sent += 1
      const path = `/api/v1/namespaces/team/pods/${sent}-${'p'.repeat(1_900)}`
      const question = { verb: 'delete', name: `${sent}`, path, userAgent: 'u'.repeat(4_000) }
      note(await sidecar.askForOutcome(question))
    }
  }
  await Promise.all(Array.from({ length: 64 }, writeOn))
}

/** 100 at the same moment. */
async function forgeEnrolments(note: (answer: string) => void): Promise<void> {
  const forged = Array.from({ length: 100 }, () => {
    sent += 1
    return enrollAt(channel, forge(sent)).catch((error: Error) => error.message)
  })
  for (const answer of await Promise.all(forged)) note(/^\d+ (\w+)/.exec(answer)?.[1] ?? 'enrolled')
}

/** Well-formed, with claims as a pod's token has, and a signature of nobody. */
function forge(number: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1_000)
  const uid = `00000000-0000-0000-0000-${String(number).padStart(12, '0')}`
  const claims = {
    iss: 'https://kubernetes.default.svc',
    aud: ['lanyard-control-plane'],
    sub: 'system:serviceaccount:team:agent',
    exp: now + 600,
    iat: now,
    'kubernetes.io': {
      namespace: 'team',
      pod: { name: `x-${number}`, uid },
      serviceaccount: { name: 'agent', uid: 'x' },
    },
  }
  return `${part({ alg: 'RS256', kid: 'x' })}.${part(claims)}.${'A'.repeat(342)}`
}

const FLOODS = {
  questions: askWhatNobodyAsked,
  refusals: makeRefusals,
  forgeries: forgeEnrolments,
} as const

parentPort?.on('message', async (message: FloodKind | 'stop') => {
  if (message === 'stop') {
    isOver = true
    return
  }
  isOver = false
  const before = sent
  const outcomes = new Set<string>()
  await FLOODS[message]((answer) => outcomes.add(answer))
  const report: FloodReport = { sent: sent - before, outcomes: [...outcomes] }
  parentPort?.postMessage(report)
})
