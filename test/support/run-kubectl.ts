import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** kubectl with a kubeconfig of its own. */
export interface Kubectl extends AsyncDisposable {
  /** Resolves to what it writes; rejects with that when it fails. */
  run(args: readonly string[], input: string): Promise<string>
}

/** `program` is the path of kubectl, `kubeconfig` the text of one. */
export async function createKubectl(program: string, kubeconfig: string): Promise<Kubectl> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-kubectl-'))
  const file = join(folder, 'kubeconfig')
  await writeFile(file, kubeconfig)
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, KUBECONFIG: file }
  return {
    async run(args, input) {
      const child = spawn(program, [...args], { env, stdio: 'pipe' })
      let text = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          text += chunk.toString()
        })
      }
      child.stdin.end(input)
      const [code] = (await once(child, 'close')) as [number]
      if (code !== 0) throw new Error(text)
      return text
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
