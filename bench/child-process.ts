import { type ChildProcess, spawn } from 'node:child_process'
import { endingWithUs } from '../test/cluster/run-command.ts'

/** A program that runs until it is told to end. */
export interface Running {
  /** Of the program itself: whatever stands before it on the command line has become it. */
  readonly pid: number
  /** Throws with what it said when it has ended by itself. */
  check(): void
  stop(): Promise<void>
}

const OUTPUT_MAX = 4_000

/**
 * Starts a program that serves; what it says is kept for an error message. It ends with this process,
 * even one that is killed: it holds a token, and nobody would look for it.
 */
export function startProgram(argv: readonly string[]): Running {
  const [command = '', ...args] = endingWithUs(argv)
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const keep = (chunk: Buffer): void => {
    said = `${said}${chunk.toString()}`.slice(-OUTPUT_MAX)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.once('error', (error) => keep(Buffer.from(error.message)))
  return {
    pid: child.pid ?? 0,
    check() {
      if (hasEnded(child)) throw new Error(`"${argv.join(' ')}" ended by itself:\n${said}`)
    },
    async stop() {
      if (hasEnded(child)) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

/** The command line that ends another one for good after some seconds. */
export function withinSeconds(seconds: number, argv: readonly string[]): readonly string[] {
  return ['timeout', '-s', 'KILL', String(seconds), ...argv]
}

/** The command line that runs another one in the network of a process: its loopback, its routes. */
export function inNetworkOf(pid: number, argv: readonly string[]): readonly string[] {
  return ['nsenter', '-t', String(pid), '-n', '--', ...argv]
}
