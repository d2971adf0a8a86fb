import { spawn } from 'node:child_process'

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Hears what the command writes to its standard error, as it comes. */
  readonly onError?: (text: string) => void
}

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end and keeps what it printed. Never rejects for an exit code. */
export function runCommand(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [command = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => {
      err.push(chunk)
      options.onError?.(String(chunk))
    })
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({
        exitCode: code ?? 1,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      }),
    )
    child.stdin.on('error', () => {
      // The command ended without reading its input; its exit code says why.
    })
    child.stdin.end(options.input ?? '')
  })
}

/** Runs a command and throws with the end of what it said when it fails. */
export async function mustRun(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await runCommand(argv, options)
  if (result.exitCode === 0) return result.stdout
  throw failure(argv, result)
}

/** An error with the end of what a command said that failed. */
export function failure(argv: readonly string[], result: CommandResult): Error {
  const said = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-20).join('\n')
  return new Error(`"${argv.join(' ')}" ended with ${result.exitCode}:\n${said}`)
}

/** The command line that runs another one no longer than this process lives, however that ends. */
export function endingWithUs(argv: readonly string[]): readonly string[] {
  return ['setpriv', '--pdeathsig', 'KILL', '--', ...argv]
}
