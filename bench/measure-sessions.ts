import type { Duplex } from 'node:stream'
import { DEFAULT_AMOUNTS } from '../core/pods/sidecar-resources.ts'
import type { Log } from '../test/cluster/progress.ts'
import { type FakeApiServer, startFakeApiServer } from '../test/support/fake-api-server.ts'
import { allowRecorded } from '../test/support/fake-recordings.ts'
import { type LimitedSidecar, startLimitedSidecar } from '../test/support/limited-sidecar.ts'
import { fromServer } from '../test/support/websocket-bytes.ts'
import { ExecClient } from './exec-client.ts'
import { samplePeaks } from './sample-peaks.ts'

const MEBIBYTE = 1_024 * 1_024
/** What a sidecar has by default. */
const LIMIT_BYTES = Number.parseInt(DEFAULT_AMOUNTS.memoryLimit, 10) * MEBIBYTE
const SESSIONS = 200
const SECONDS = 15
const PATH = '/api/v1/namespaces/team/pods/web/exec'
const POURED = 'pour'

interface SessionLoad {
  readonly name: string
  readonly command: string
  /** The control plane never says that it has stored anything. */
  readonly isSilent: boolean
}

const LOADS: readonly SessionLoad[] = [
  { name: 'a keystroke and its echo each second', command: 'cat', isSilent: false },
  { name: 'output as fast as it passes', command: POURED, isSilent: false },
  { name: 'the same, and nothing is stored', command: POURED, isSilent: true },
]

/**
 * What a sidecar holds at most while 200 sessions of one pod are recorded at the same time, beside its limit; resolves
 * with a table. The sidecar is a process in a control group of that limit. The API server's side is a program that
 * answers an exec over a WebSocket as a kubelet does, and the control plane's takes what is recorded.
 */
export async function measureSessionMemory(log: Log): Promise<string> {
  const api = await startFakeApiServer()
  try {
    const rows: string[] = []
    for (const load of LOADS) {
      log(`${SESSIONS} sessions: ${load.name}`)
      rows.push(await measureLoad(load, api))
    }
    return `${[HEAD, ...rows].join('\n')}\n`
  } finally {
    await api.close()
  }
}

const HEAD = [
  `| ${SESSIONS} recorded sessions | Live at the end | Shown | Own memory, at most | With sockets, at most | Limit | Lives |`,
  '|---|---|---|---|---|---|---|',
].join('\n')

async function measureLoad(load: SessionLoad, api: FakeApiServer) {
  // All are open before the first one pours: what is measured has one core, and its clients the other.
  const { promise: allOpen, resolve: pour } = Promise.withResolvers<void>()
  api.onUpgrade(({ url = '' }, socket) => serveExec(url, socket, allOpen))
  const sidecar = await startLimitedSidecar({
    ...{ limitBytes: LIMIT_BYTES, token: 'real', url: api.url, caPem: api.caPem },
  })
  const { controlPlane } = sidecar
  controlPlane.decide((_question, id) => allowRecorded(id))
  controlPlane.recordings.isSilent = load.isSilent
  controlPlane.recordings.keepsEvents = false
  const peaks = samplePeaks(sidecar)
  try {
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => open(sidecar, load)))
    pour()
    for (let second = 0; second < SECONDS; second += 1) await pass(sessions, load)
    const { own, group } = await peaks.stop()
    const live = controlPlane.recordings.all.filter(({ ending }) => ending === undefined)
    const shown = sessions.reduce((sum, { received }) => sum + received, 0)
    const cells = [
      ...[load.name, String(live.length)],
      ...[shown, own, group, LIMIT_BYTES].map((bytes) => `${Math.ceil(bytes / MEBIBYTE)} MiB`),
      sidecar.ended() ?? 'yes',
    ]
    for (const session of sessions) session.destroy()
    return `| ${cells.join(' | ')} |`
  } finally {
    await sidecar.close()
  }
}

function open({ port, token }: LimitedSidecar, { command }: SessionLoad): Promise<ExecClient> {
  const target = { host: '127.0.0.1', port, token, path: PATH }
  return ExecClient.open({ ...target, command: [command], stdin: command !== POURED })
}

/** A second of the load. */
async function pass(sessions: readonly ExecClient[], { command }: SessionLoad): Promise<void> {
  const second = new Promise((resolve) => setTimeout(resolve, 1_000))
  if (command !== POURED) await Promise.all(sessions.map((session) => session.echo('x')))
  await second
}

const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: accepted\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n'
/** As much as a kubelet reads from a container in one go. */
const PIECE = fromServer(1, Buffer.alloc(32 * 1_024, 'a line of some text\n'))
const ECHO = fromServer(1, 'x')

/** Echoes each keystroke, or writes as fast as the other side reads. */
function serveExec(url: string, socket: Duplex, allOpen: Promise<void>): void {
  socket.write(SWITCHING)
  socket.on('end', () => socket.end())
  if (!url.includes(POURED)) {
    socket.on('data', () => socket.write(ECHO))
    return
  }
  const pour = (): void => {
    while (!socket.destroyed && socket.write(PIECE));
    socket.once('drain', pour)
  }
  socket.resume()
  void allOpen.then(pour)
}
