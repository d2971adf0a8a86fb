import { type ChildProcess, spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './bare-apiserver.ts'

const MAIN = resolve(import.meta.dirname, '../../control-plane/main.ts')

/** The control plane as it is run: a process of its own, with a kubeconfig in place of a pod's account. */
export interface ControlPlaneProcess {
  readonly pid: number
  readonly databaseFile: string
  readonly grpcPort: number
  readonly accessApiPort: number
  readonly logLines: readonly string[]
  /** GET of its port for health and metrics; status 0 when nobody answers. */
  health(path: string): Promise<{ readonly status: number; readonly text: string }>
  /** Sends SIGTERM. Resolves with the exit code and how long it took. */
  terminate(): Promise<{ readonly code: number | null; readonly ms: number }>
}

/** Starts it in a folder that holds its database, on ports that are free unless they are given. */
export async function startControlPlaneProcess(options: {
  readonly folder: string
  readonly kubeconfigFile: string
  readonly accessApiPort?: number
  /** What runs `main.ts`; Node unless told. */
  readonly command?: readonly string[]
}): Promise<ControlPlaneProcess> {
  const databaseFile = join(options.folder, 'lanyard.db')
  const grpcPort = await freePort()
  const accessApiPort = options.accessApiPort ?? (await freePort())
  const healthPort = await freePort()
  const livenessPort = await freePort()
  const [program = '', ...flags] = options.command ?? [process.execPath]
  const child = spawn(
    program,
    [
      ...[...flags, MAIN],
      ...['--database-file', databaseFile],
      ...['--grpc-port-number', String(grpcPort)],
      ...['--access-api-port-number', String(accessApiPort)],
      ...['--health-port-number', String(healthPort)],
      ...['--liveness-port-number', String(livenessPort)],
    ],
    {
      env: { PATH: process.env['PATH'], KUBECONFIG: options.kubeconfigFile },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const logLines: string[] = []
  createInterface(child.stdout).on('line', (line) => logLines.push(line))

  async function health(path: string): Promise<{ status: number; text: string }> {
    try {
      const answer = await fetch(`http://127.0.0.1:${healthPort}${path}`)
      return { status: answer.status, text: await answer.text() }
    } catch {
      // Converted: nobody is there.
      return { status: 0, text: '' }
    }
  }

  return {
    pid: child.pid ?? 0,
    databaseFile,
    grpcPort,
    accessApiPort,
    logLines,
    health,
    terminate: () => terminate(child),
  }
}

async function terminate(child: ChildProcess): Promise<{ code: number | null; ms: number }> {
  if (child.exitCode !== null || child.signalCode !== null) return { code: child.exitCode, ms: 0 }
  const began = performance.now()
  const code = await new Promise<number | null>((done) => {
    child.once('exit', done)
    child.kill('SIGTERM')
  })
  return { code, ms: performance.now() - began }
}
