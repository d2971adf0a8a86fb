import { execFile } from 'node:child_process'

export interface Answer {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** What a terminal would show. */
  readonly text: string
}

export interface Kubectl {
  /** Runs kubectl as one user; never rejects for a refusal, which is an answer too. */
  run(args: readonly string[], input?: string): Promise<Answer>
  /** Runs it, and throws with what it said unless it succeeded. */
  must(args: readonly string[], input?: string): Promise<Answer>
}

/** kubectl with one kubeconfig; a plugin is found through `path`. */
export function createKubectl(options: {
  readonly kubectlPath: string
  readonly kubeconfig: string
  readonly path: string
  /** Where it runs, for files that are named relative to it. */
  readonly cwd?: string
  /** Milliseconds after which a command is ended; 120 s unless told otherwise. */
  readonly timeoutMs?: number
}): Kubectl {
  function run(args: readonly string[], input = ''): Promise<Answer> {
    return new Promise((resolve) => {
      const env = { ...process.env, KUBECONFIG: options.kubeconfig, PATH: options.path }
      const limits = { timeout: options.timeoutMs ?? 120_000, maxBuffer: 64 * 1024 * 1024 }
      const child = execFile(
        options.kubectlPath,
        [...args],
        { env, ...limits, cwd: options.cwd },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
          resolve({ exitCode: code, stdout, stderr, text: `${stdout}${stderr}` })
        },
      )
      child.stdin?.end(input)
    })
  }
  async function must(args: readonly string[], input = ''): Promise<Answer> {
    const answer = await run(args, input)
    if (answer.exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${answer.text}`)
    return answer
  }
  return { run, must }
}
