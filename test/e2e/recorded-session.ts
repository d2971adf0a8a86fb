import { spawn } from 'node:child_process'
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { SessionObject } from '../../api/objects/session-object.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { waitFor } from '../cluster/control.ts'
import type { Kubectl } from '../demo/kubectl.ts'

/* What is on record of sessions, read as people read it: through the aggregated API of a real cluster. */

/** SHA-256 in hexadecimal, and how many bytes. */
export interface Digest {
  readonly bytes: number
  readonly sha256: string
}

type Stream = 'output' | 'error_output' | 'input'

/** A line of a recording; which fields there are depends on the kind. */
export interface RecordedLine {
  readonly kind?: string
  readonly bytes?: string | number
  readonly [field: string]: unknown
}

/** A recording as a whole. */
export interface RecordedSession {
  readonly session: SessionObject
  readonly streams: Readonly<Record<Stream, Digest>>
  /** All bytes of the output. */
  readonly output: Buffer
  /** The exit code that was told; undefined without one. */
  readonly code: number | undefined
  readonly ending: string
  /** Events other than bytes. */
  readonly others: readonly RecordedLine[]
}

const PATIENCE_MS = 90_000
const STREAMS: ReadonlySet<string> = new Set(['output', 'error_output', 'input'])

class Digesting {
  readonly #hash: Hash = createHash('sha256')
  #bytes = 0

  add(bytes: Buffer): void {
    this.#hash.update(bytes)
    this.#bytes += bytes.length
  }

  digest(): Digest {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }
}

/** All sessions of a namespace, the oldest first. */
export async function listSessions(
  admin: Kubectl,
  namespace: string,
): Promise<readonly SessionObject[]> {
  let stdout = ''
  // kube-apiserver calls an aggregated API unavailable for a while when the machine starves.
  await waitFor('a list of sessions', PATIENCE_MS, async () => {
    const answer = await admin.run(['get', 'sessions', '-n', namespace, '-o', 'json'])
    stdout = answer.stdout
    return answer.exitCode === 0
  })
  const { items } = JSON.parse(stdout) as { items: SessionObject[] }
  // Names begin with the time.
  return items.toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1))
}

/** Runs `act`, and resolves with what it said and with the sessions that it has left, once all of them have ended. */
export async function sessionsOf<Said>(
  admin: Kubectl,
  namespace: string,
  act: () => Promise<Said>,
): Promise<{ readonly said: Said; readonly sessions: readonly SessionObject[] }> {
  const before = new Set(
    (await listSessions(admin, namespace)).map(({ metadata }) => metadata.name),
  )
  const said = await act()
  let sessions: readonly SessionObject[] = []
  await waitFor('the end of each session', PATIENCE_MS, async () => {
    const all = await listSessions(admin, namespace)
    sessions = all.filter(({ metadata }) => !before.has(metadata.name))
    return sessions.length > 0 && sessions.every(({ status }) => status.phase === 'Ended')
  })
  return { said, sessions }
}

/** Reads a recording as events. Throws where there is no session, and what kubectl says. */
export async function readRecording(
  cluster: Cluster,
  session: SessionObject | undefined,
): Promise<RecordedSession> {
  if (session === undefined) throw new Error('nothing was recorded')
  const read: RecordedSession[] = []
  await waitFor(`the recording ${session.metadata.name}`, PATIENCE_MS, async () => {
    // An answer that is cut within a line is no recording either.
    const found = await tryToRead(cluster, session).catch(() => undefined)
    if (found !== undefined) read.push(found)
    return found !== undefined
  })
  const [recording] = read
  if (recording === undefined) throw new Error('nothing was read')
  return recording
}

/** Undefined when kubectl fails, or the recording does not come to its end. */
async function tryToRead(
  { kubectlPath, adminKubeconfig }: Cluster,
  session: SessionObject,
): Promise<RecordedSession | undefined> {
  const { name, namespace } = session.metadata
  const path = `/apis/access.lanyard.dev/v1alpha1/namespaces/${namespace}/sessions/${name}/recording?format=events`
  const kubectl = ['--kubeconfig', adminKubeconfig, 'get', '--raw', path]
  const child = spawn(kubectlPath, kubectl, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const streams = { output: new Digesting(), error_output: new Digesting(), input: new Digesting() }
  const others: RecordedLine[] = []
  const pieces: Buffer[] = []
  for await (const line of createInterface({ input: child.stdout, crlfDelay: 0 })) {
    const told = JSON.parse(line) as RecordedLine
    if (STREAMS.has(told.kind ?? '')) {
      const bytes = Buffer.from(String(told.bytes), 'base64')
      streams[told.kind as Stream].add(bytes)
      if (told.kind === 'output') pieces.push(bytes)
    } else others.push(told)
  }
  const [exitCode] = await exited
  const ending = others.at(-1)?.['ending'] as string | undefined
  if (exitCode !== 0 || ending === undefined) return undefined
  return {
    session,
    streams: {
      output: streams.output.digest(),
      error_output: streams.error_output.digest(),
      input: streams.input.digest(),
    },
    output: Buffer.concat(pieces),
    code: others.find(({ kind }) => kind === 'exit')?.['code'] as number | undefined,
    ending,
    others: others.filter(({ kind }) => kind !== undefined),
  }
}
