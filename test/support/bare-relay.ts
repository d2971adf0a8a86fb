import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createTestAuthority } from './test-certificates.ts'

/*
 * A relay of Node's own parts, and nothing besides: TLS and HTTP/1.1 on both sides, no question, no rule. What it
 * costs is what anything written with these parts costs, so that the sidecar can be compared with it in one run.
 */

/** It runs as a process of its own. */
export interface BareRelay {
  readonly pid: number
  readonly port: number
  readonly caPem: string
  close(): Promise<void>
}

/** Starts it before an API server, with a certificate of its own. */
export async function startBareRelay(url: string, caPem: string): Promise<BareRelay> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-relay-'))
  const authority = await createTestAuthority('relay')
  const { certificatePem, privateKeyPem } = await authority.issueServer()
  await writeFile(join(folder, 'tls.crt'), certificatePem)
  await writeFile(join(folder, 'tls.key'), privateKeyPem, { mode: 0o600 })
  await writeFile(join(folder, 'ca.crt'), caPem)
  const child = spawn(process.execPath, [import.meta.filename, folder, url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return {
    pid: child.pid ?? 0,
    port: Number(line),
    caPem: authority.certificatePem,
    async close() {
      // It ends with its input.
      child.stdin.end()
      await once(child, 'exit')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function relay(folder: string, url: string): Promise<void> {
  const read = (name: string) => readFile(join(folder, name))
  const agent = new Agent({ keepAlive: true, ca: await read('ca.crt') })
  const server = createServer(
    { cert: await read('tls.crt'), key: await read('tls.key') },
    (incoming, outgoing) => {
      const { method, headers, url: target = '' } = incoming
      const sent = { ...headers, host: new URL(url).host }
      const call = request(`${url}${target}`, { agent, headers: sent, ...(method && { method }) })
      call.once('error', (error) => outgoing.destroy(error))
      call.once('response', (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      incoming.pipe(call)
    },
  )
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
  })
  process.stdin.resume().once('end', () => process.exit(0))
}

if (import.meta.main) {
  const [folder = '', url = ''] = process.argv.slice(2)
  await relay(folder, url)
}
