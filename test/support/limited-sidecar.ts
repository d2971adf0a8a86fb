import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { bundleSidecar } from '../../deploy/images/build-images.ts'
import { type FakeControlPlane, startFakeControlPlane } from './fake-control-plane.ts'
import { createMemoryGroup } from './memory-group.ts'

export interface LimitedSidecarOptions {
  readonly limitBytes: number
  /** Where the API server is. */
  readonly url: string
  readonly caPem: string
  readonly token: string
  readonly env?: Readonly<Record<string, string>>
}

/** The sidecar as its image runs it: a process of its own with so much memory. */
export interface LimitedSidecar {
  readonly pid: number
  readonly port: number
  readonly caPem: string
  /** The token that container `app` finds. */
  readonly token: string
  readonly controlPlane: FakeControlPlane
  /** Resident memory that is its own, in bytes; 0 once it has ended. Pages of files can be taken back. */
  ownBytes(): Promise<number>
  /** What its control group holds, sockets too; 0 without a group. */
  groupBytes(): Promise<number>
  /** Why it ended by itself; undefined while it runs. */
  ended(): string | undefined
  close(): Promise<void>
}

const START_MS_MAX = 20_000

/** Starts it with a control plane that allows everything. Limited by control group where that may be made. */
export async function startLimitedSidecar(options: LimitedSidecarOptions): Promise<LimitedSidecar> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-limited-'))
  const controlPlane = await startFakeControlPlane()
  const name = `lanyard-limited-${randomBytes(6).toString('hex')}`
  const group = await createMemoryGroup(name, options.limitBytes)
  const file = (name: string) => join(folder, name)
  await writeFile(file('api-token'), options.token)
  await writeFile(file('api-ca'), options.caPem)
  await writeFile(file('control-plane-token'), 'pod-bound-token')
  const { argv, env } = await bundleSidecar(folder)
  const child = start(group?.within(argv) ?? argv, {
    ...env,
    LANYARD_CONTROL_PLANE_ADDRESS: controlPlane.address,
    LANYARD_CONTROL_PLANE_CA: controlPlane.caPem,
    LANYARD_CONTAINERS: 'app',
    LANYARD_POD_NAMESPACE: 'team',
    LANYARD_UPSTREAM_URL: options.url,
    LANYARD_API_TOKEN_FILE: file('api-token'),
    LANYARD_API_CA_FILE: file('api-ca'),
    LANYARD_CONTROL_PLANE_TOKEN_FILE: file('control-plane-token'),
    LANYARD_STATE_DIRECTORY: file('state'),
    LANYARD_LISTEN_PORT_NUMBER: '0',
    LANYARD_HEALTH_PORT_NUMBER: '0',
    LANYARD_HEALTH_HOST: '127.0.0.1',
    LANYARD_MEMORY_LIMIT_BYTES: `${options.limitBytes}`,
    LANYARD_DRAIN_MS: '500',
    ...options.env,
  })
  const close = async () => {
    await stop(child)
    await controlPlane.close()
    await group?.remove()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const port = await whenServing(child)
    const app = join(folder, 'state', 'containers', 'app')
    return {
      pid: child.pid ?? 0,
      port,
      caPem: await readFile(join(app, 'ca.crt'), 'utf8'),
      token: await readFile(join(app, 'token'), 'utf8'),
      controlPlane,
      ownBytes: () => readOwnBytes(child),
      groupBytes: async () => (await group?.bytes()) ?? 0,
      ended: () => whyEnded(child),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function start(argv: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const [command = '', ...args] = argv
  return spawn(command, args, {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

function whenServing(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const timer = setTimeout(
    () => reject(new Error('The sidecar does not serve in time')),
    START_MS_MAX,
  )
  child.once('exit', () => reject(new Error(`The sidecar has ended: ${whyEnded(child)}`)))
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => {
      const port = /"port":(\d+)/.exec(line)?.[1]
      if (line.includes('"Serving"') && port !== undefined) resolve(Number(port))
    })
  }
  return promise.finally(() => clearTimeout(timer))
}

function whyEnded({ exitCode, signalCode }: ChildProcess): string | undefined {
  if (signalCode !== null) return `signal ${signalCode}`
  return exitCode === null ? undefined : `exit code ${exitCode}`
}

async function readOwnBytes({ pid }: ChildProcess): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1_024
}

async function stop(child: ChildProcess): Promise<void> {
  if (whyEnded(child) !== undefined) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}
