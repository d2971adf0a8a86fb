import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SidecarFixture } from './sidecar-fixture.ts'

/** kubectl with a kubeconfig of its own. */
export interface Kubectl extends AsyncDisposable {
  /** Resolves to what it writes; rejects with that when it fails. */
  run(args: readonly string[], input: string): Promise<string>
}

/** The kubeconfig of a pod, which leads through its sidecar. */
export function podKubeconfig({ sidecar, token, caPem }: PodAccess): string {
  const server = `https://127.0.0.1:${sidecar.port}`
  const ca = Buffer.from(caPem).toString('base64')
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'pod' },
    clusters: [{ name: 'pod', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'pod', user: { token } }],
    contexts: [{ name: 'pod', context: { cluster: 'pod', user: 'pod' } }],
  })
}

type PodAccess = Pick<SidecarFixture, 'sidecar' | 'token' | 'caPem'>

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
