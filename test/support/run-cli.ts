import { runCli } from '../../cli/program/program.ts'

export interface CliRun {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** One command line of the CLI in this process, as `kubectl lanyard` starts it. */
export async function runInMemory(
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly isTTY?: boolean
    readonly nowMs?: number
  } = {},
): Promise<CliRun> {
  let stdout = ''
  let stderr = ''
  const exitCode = await runCli(args, {
    stdout: {
      isTTY: options.isTTY === true,
      write(text: string | Uint8Array, taken?: () => void) {
        stdout += typeof text === 'string' ? text : Buffer.from(text).toString()
        taken?.()
      },
    },
    stderr: {
      write(text: string) {
        stderr += text
      },
    },
    env: options.env ?? {},
    invokedAs: '/usr/local/bin/kubectl-lanyard',
    version: '0.1.0',
    now: () => options.nowMs ?? Date.now(),
  })
  return { exitCode, stdout, stderr }
}
