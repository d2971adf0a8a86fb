import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

/** A part of the product, or what stands in for one, as a process that a test kills. */
export class KillableProcess {
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  readonly #exited: Promise<unknown>

  constructor(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [command = '', ...args] = argv
    this.#child = spawn(command, args, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#exited = once(this.#child, 'exit')
    if (this.#child.stdout !== null) {
      createInterface(this.#child.stdout).on('line', (line) => this.#lines.push(line))
    }
  }

  /** The first line of its output that fits, as JSON. Throws when it ends without one, or after so long. */
  async says<Said>(what: string, fits: (line: string) => boolean, ms = 120_000): Promise<Said> {
    const deadline = Date.now() + ms
    for (;;) {
      const line = this.#lines.find(fits)
      if (line !== undefined) return JSON.parse(line) as Said
      const { exitCode } = this.#child
      if (exitCode !== null) throw new Error(`It ended with ${exitCode}, and never said ${what}`)
      if (Date.now() > deadline) throw new Error(`It never said ${what}`)
      await pause(10)
    }
  }

  /** Sends SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}
