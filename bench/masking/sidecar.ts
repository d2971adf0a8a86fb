import { Agent, request } from 'node:https'
import type { MaskName } from '../../core/masking/mask-rules.ts'
import { Effect } from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { startFakeApiServer } from '../../test/support/fake-api-server.ts'
import { type LimitedSidecar, startLimitedSidecar } from '../../test/support/limited-sidecar.ts'
import { percentile } from '../percentile.ts'
import { samplePeaks } from '../sample-peaks.ts'
import { podList } from './speed.ts'

const MEBIBYTE = 1_024 * 1_024
const LIMIT_BYTES = 512 * MEBIBYTE
/** Namespaces, and what is masked in each. */
const SIDES = {
  plain: [],
  values: ['secret-values'],
  masked: ['credentials', 'env-values', 'secret-values'],
} as const satisfies Readonly<Record<string, readonly MaskName[]>>
const WARM_UPS = 500
/** GETs of a turn, and turns: a busy machine changes from one moment to the next. */
const TURN = 200
const TURNS = 15
const LISTS = 5

/** What masks cost a sidecar: none, `secret-values`, and all that hide something in pods and Secrets. */
export interface SidecarCosts {
  /** Own memory beyond what a sidecar has after its first requests, at most while lists of 10,000 pods pass, in bytes. */
  readonly growth: Readonly<Record<'plain' | 'masked', number>>
  /** Of a GET of a Secret, in ms. */
  readonly p50: Readonly<Record<Side, number>>
  readonly listMegabytes: number
}

type Side = keyof typeof SIDES
const NAMES = Object.keys(SIDES) as readonly Side[]

/** Puts a sidecar as its image runs it before an API server that answers immediately; so many turns of 200 GETs a side. */
export async function measureSidecar(turns = TURNS): Promise<SidecarCosts> {
  const list = podList()
  const api = await startFakeApiServer()
  api.onRequest((incoming, outgoing) => {
    api.requests.length = 0
    incoming.resume().on('end', () => {
      const body = incoming.url?.endsWith('/pods') === true ? list : SECRET
      const headers = { 'content-type': 'application/json', 'content-length': body.length }
      outgoing.writeHead(200, headers).end(body)
    })
  })
  const { url, caPem } = api
  const sidecar = await startLimitedSidecar({
    ...{ limitBytes: LIMIT_BYTES, url, caPem, token: 'real' },
    env: { LANYARD_DECISION_TIMEOUT_MS: '60000' },
  })
  try {
    maskNamespace(sidecar)
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: sidecar.caPem })
    const get = (path: string) => getOnce(agent, sidecar, path)
    for (let sent = 0; sent < WARM_UPS; sent += 1)
      await get(`/api/v1/namespaces/${NAMES[sent % NAMES.length]}/secrets/db`)
    const p50 = await measureGets(get, turns)
    const growth = { plain: await growthOf(sidecar, get, 'plain'), masked: 0 }
    growth.masked = await growthOf(sidecar, get, 'masked')
    agent.destroy()
    return { growth, p50, listMegabytes: list.length / 1e6 }
  } finally {
    await sidecar.close()
    await api.close()
  }
}

/** Of a usual size: some keys, and what kubectl has applied. */
const SECRET = Buffer.from(
  JSON.stringify({
    ...{ kind: 'Secret', apiVersion: 'v1' },
    metadata: { name: 'db', annotations: { note: 'x'.repeat(1_000) } },
    data: Object.fromEntries(
      Array.from({ length: 10 }, (_, at) => [
        `key-${at}`,
        Buffer.from(`value ${at} `.repeat(16)).toString('base64'),
      ]),
    ),
  }),
)

function maskNamespace({ controlPlane }: LimitedSidecar): void {
  controlPlane.decide(({ attributes }, decisionId) => {
    const maskKey = new Uint8Array(32).fill(7)
    const mask = [...(SIDES[attributes?.namespace as Side] ?? [])]
    const effect = mask.length > 0 ? Effect.ALLOW_WITH_OBLIGATIONS : Effect.ALLOW
    const obliged = mask.length > 0 ? { obligations: { mask, maskKey } } : {}
    return { case: 'decision', value: { decisionId, effect, ...obliged } }
  })
}

type Get = (path: string) => Promise<number>

async function measureGets(get: Get, turns: number): Promise<Record<Side, number>> {
  const times: Record<Side, number[]> = { plain: [], values: [], masked: [] }
  for (let turn = 0; turn < turns; turn += 1) {
    for (const side of NAMES) {
      for (let sent = 0; sent < TURN; sent += 1) {
        const before = performance.now()
        await get(`/api/v1/namespaces/${side}/secrets/db`)
        times[side].push(performance.now() - before)
      }
    }
  }
  const { plain, values, masked } = times
  return {
    plain: percentile(plain, 50),
    values: percentile(values, 50),
    masked: percentile(masked, 50),
  }
}

async function growthOf(sidecar: LimitedSidecar, get: Get, side: Side): Promise<number> {
  const before = await sidecar.ownBytes()
  const peaks = samplePeaks(sidecar)
  for (let sent = 0; sent < LISTS; sent += 1) await get(`/api/v1/namespaces/${side}/pods`)
  const { own } = await peaks.stop()
  return own - before
}

/** Resolves with the bytes of the body. */
function getOnce(agent: Agent, { port, token }: LimitedSidecar, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
    const sent = request({ host: '127.0.0.1', port, path, agent, headers }, (answer) => {
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      answer.once('error', reject).once('end', () => {
        if (answer.statusCode === 200) resolve(bytes)
        else reject(new Error(`The sidecar answered ${answer.statusCode}`))
      })
    })
    sent.once('error', reject).end()
  })
}
