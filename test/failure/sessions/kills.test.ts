import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { fromBinary } from '@bufbuild/protobuf'
import { afterEach, expect, test } from 'vitest'
import { openStore } from '../../../control-plane/store/open-store.ts'
import type { Store } from '../../../control-plane/store/store.ts'
import { SessionChunkSchema } from '../../../proto/gen/lanyard/v1/recording_pb.ts'
import { sessionEventFromMessage } from '../../../proto/session-event-message.ts'
import { ChannelReader } from '../../../proxy/session/channel-reader.ts'
import { KillableProcess } from '../../support/killable-process.ts'
import { eventually } from '../../support/sidecar-fixture.ts'
import { poured } from './poured.ts'

/*
 * Sessions pour while the sidecar, the API server or the control plane is killed, each a process of its own. What was
 * shown is on record but for what ADR 0011 says, what is on record was poured, and the record says how it ended.
 */

/** Kills of each process. `LANYARD_KILLS=100` says so by hand. */
const KILLS = Number(process.env['LANYARD_KILLS'] ?? 1)
const PODS = ['web-0', 'web-1', 'web-2']
/** What may be shown and not stored at most: ADR 0011. */
const UNSTORED_BYTES = (1024 + 256) * 1024

type Target = 'sidecar' | 'apiServer' | 'controlPlane'

const PARTS = join(import.meta.dirname, 'parts.ts')
const SIDECAR = join(import.meta.dirname, '../../../sidecar/main.ts')
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Running extends Readonly<Record<Target, KillableProcess>> {
  readonly databasePath: string
  readonly caller: { readonly port: number; readonly ca: string; readonly token: string }
}

function started(argv: readonly string[], env?: Readonly<Record<string, string>>): KillableProcess {
  const process = new KillableProcess(argv, env)
  closers.push(() => process.kill())
  return process
}

async function startAll(): Promise<Running> {
  const part = (name: string) => started([process.execPath, PARTS, name])
  const [controlPlane, apiServer] = [part('controlPlane'), part('apiServer')]
  type Place = Record<'address' | 'caPem' | 'databasePath' | 'url', string>
  const hasPlace = (line: string) => line.includes('caPem')
  const plane = await controlPlane.says<Place>('where it is', hasPlace)
  closers.push(() => rm(dirname(plane.databasePath), { recursive: true, force: true }))
  const api = await apiServer.says<Place>('where it is', hasPlace)
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-kills-'))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  const file = (name: string) => join(folder, name)
  await writeFile(file('token'), 'real')
  await writeFile(file('ca'), api.caPem)
  await writeFile(file('pod'), 'pod')
  const sidecar = started([process.execPath, SIDECAR], {
    LANYARD_CONTROL_PLANE_ADDRESS: plane.address.replace('127.0.0.1', 'localhost'),
    LANYARD_CONTROL_PLANE_SERVER_NAME: 'lanyard-control-plane.lanyard-system.svc',
    LANYARD_CONTROL_PLANE_CA: plane.caPem,
    ...{ LANYARD_CONTAINERS: 'app', LANYARD_POD_NAMESPACE: 'team' },
    ...{ LANYARD_UPSTREAM_URL: api.url, LANYARD_STATE_DIRECTORY: file('state') },
    ...{ LANYARD_API_TOKEN_FILE: file('token'), LANYARD_API_CA_FILE: file('ca') },
    LANYARD_CONTROL_PLANE_TOKEN_FILE: file('pod'),
    ...{ LANYARD_LISTEN_PORT_NUMBER: '0', LANYARD_HEALTH_PORT_NUMBER: '0' },
    LANYARD_HEALTH_HOST: '127.0.0.1',
    // The machine may have other things to do.
    ...{ LANYARD_DECISION_TIMEOUT_MS: '60000', LANYARD_RECONNECT_WAIT_MS: '60000' },
    LANYARD_KEEPALIVE_MS: '60000',
  })
  const serves = (line: string) => line.includes('"Serving"') && line.includes('"port"')
  const { port } = await sidecar.says<{ port: number }>('its port', serves)
  await sidecar.says('that it has enrolled', (line) => line.includes('"Enrolled"'))
  const own = join(folder, 'state', 'containers', 'app')
  const [ca, token] = [
    await readFile(join(own, 'ca.crt'), 'utf8'),
    await readFile(join(own, 'token'), 'utf8'),
  ]
  const { databasePath } = plane
  return { controlPlane, apiServer, sidecar, databasePath, caller: { port, ca, token } }
}

/** A caller of an exec, and what it was shown. */
class Watcher {
  readonly pod: string
  readonly #pieces: Buffer[] = []
  #bytes = 0
  isOver = false
  /** What came in place of the tunnel. */
  refusal = ''

  constructor(pod: string, { port, ca, token }: Running['caller']) {
    this.pod = pod
    const socket = connect({ host: '127.0.0.1', port, ca })
    const path = `/api/v1/namespaces/team/pods/${pod}/exec?command=pour&stdout=true`
    const head = [
      ...[`GET ${path} HTTP/1.1`, 'Host: kubernetes.default.svc', `Authorization: Bearer ${token}`],
      ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: v5.channel.k8s.io',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.isOver = true
    })
    const reader = this.#reader()
    let before = Buffer.alloc(0)
    let isTunnel = false
    socket.on('data', (chunk: Buffer) => {
      if (isTunnel) {
        reader.push(chunk)
        return
      }
      before = Buffer.concat([before, chunk])
      const end = before.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!before.toString().startsWith('HTTP/1.1 101 ')) {
        this.refusal = before.toString()
        return
      }
      isTunnel = true
      reader.push(before.subarray(end + 4))
    })
  }

  #reader(): ChannelReader {
    const ignore = () => undefined
    const side = { masked: false, fragments: true }
    return new ChannelReader(
      side,
      { base64: false, closes: true },
      {
        onChannel: (channel, bytes) => {
          if (channel !== 1) return
          this.#pieces.push(Buffer.from(bytes))
          this.#bytes += bytes.length
        },
        ...{ onChannelMessage: ignore, onChannelClosed: ignore },
      },
    )
  }

  get bytes(): number {
    return this.#bytes
  }

  got(): Buffer {
    return Buffer.concat(this.#pieces)
  }
}

interface OnRecord {
  readonly output: Buffer
  readonly ending: string | undefined
}

/** What is on record, by the pod that was reached into. */
async function readAllOf({ recordings, auditEvents }: Store): Promise<Map<string, OnRecord>> {
  const found = new Map<string, OnRecord>()
  for (const { id, end } of await recordings.list({}, 0, 99)) {
    const pieces: Uint8Array[] = []
    for await (const { bytes } of recordings.read(id, 0)) {
      for (const message of fromBinary(SessionChunkSchema, bytes).events) {
        const event = sessionEventFromMessage(message)
        if (event.kind === 'output') pieces.push(event.bytes)
      }
    }
    const pod = (await auditEvents.get(id))?.attributes.name ?? ''
    const output = Buffer.concat(pieces)
    found.set(pod, { output, ending: end?.ending })
  }
  return found
}

const ENDINGS: Readonly<Record<Target, string>> = {
  sidecar: 'lost',
  apiServer: 'upstream_gone',
  controlPlane: 'interrupted',
}

/** Kills one of the three so long after all sessions pour; returns how many bytes were shown that are not on record. */
async function killAt(target: Target, milliseconds: number): Promise<number> {
  const running = await startAll()
  const watchers = PODS.map((pod) => new Watcher(pod, running.caller))
  const isAnswered = ({ bytes, refusal }: Watcher) => bytes > 0 || refusal !== ''
  await eventually('all pour', () => watchers.every(isAnswered), 120_000)
  expect(watchers.map(({ refusal }) => refusal)).toEqual(PODS.map(() => ''))
  await pause(milliseconds)
  await running[target].kill()
  await eventually('all callers are told', () => watchers.every(({ isOver }) => isOver), 120_000)
  if (target !== 'controlPlane') {
    const areOver = (line: string) => line === JSON.stringify({ ended: PODS.length })
    await running.controlPlane.says('that all have ended', areOver)
  }
  await running.controlPlane.kill()
  const store = await openStore(running.databasePath)
  const onRecord = await readAllOf(store)
  await store.close()
  return Math.max(...watchers.map((one) => compare(one, onRecord.get(one.pod), target)))
}

function compare(watcher: Watcher, found: OnRecord | undefined, target: Target): number {
  const { output = Buffer.alloc(0), ending } = found ?? {}
  const got = watcher.got()
  expect(output.equals(poured(watcher.pod, 0, output.length))).toBe(true)
  expect(got.equals(poured(watcher.pod, 0, got.length))).toBe(true)
  expect(ending).toBe(ENDINGS[target])
  const missing = got.length - output.length
  expect(missing).toBeLessThanOrEqual(target === 'apiServer' ? 0 : UNSTORED_BYTES)
  return missing
}

test.each(['sidecar', 'apiServer', 'controlPlane'] as const)(
  'a recorded session loses nothing that was acknowledged when SIGKILL ends the %s',
  { timeout: 120_000 * KILLS },
  async (target) => {
    const missing: number[] = []
    for (let run = 1; run <= KILLS; run += 1) {
      // By a seed: the moments are spread over a second, before and after the first half.
      missing.push(await killAt(target, (run * 7_919) % 1_000))
      for (const close of closers.splice(0).reverse()) await close()
    }
    expect(missing).toHaveLength(KILLS)
    process.stderr.write(
      `${target}: shown and not on record, at most: ${Math.max(...missing)} bytes\n`,
    )
  },
)
