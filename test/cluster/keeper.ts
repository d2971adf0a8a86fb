import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { ensureBinaries } from './binaries.ts'
import { clusterPaths } from './paths.ts'
import { startRelay } from './relay.ts'

/*
 * Runs on the machine as long as the cluster does: holds the namespaces and relays a loopback port
 * to the API server. When it dies, the kernel ends the namespaces; when they end, so does it.
 *   node keeper.ts NAME
 */

async function main(name: string): Promise<void> {
  const paths = clusterPaths(name)
  const { kube } = await ensureBinaries(console.error)
  const log = openSync(join(paths.logs, 'supervisor.log'), 'a')
  const supervisor = join(import.meta.dirname, 'supervisor.ts')
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--pid', '--fork', '--kill-child'],
      ...[kube, 'init', process.execPath, supervisor, name],
    ],
    { stdio: ['ignore', log, log] },
  )
  child.once('exit', () => process.exit(0))
  process.on('SIGTERM', () => child.kill('SIGKILL'))
  const relay = await startRelay(0, { path: paths.apiSocket })
  const initPid = await firstChild(child.pid ?? 0)
  const { port } = relay.address() as AddressInfo
  const record = { name, port, keeperPid: process.pid, initPid }
  await writeFile(paths.record, JSON.stringify(record))
}

/** The process that is PID 1 inside, as the machine sees it. */
async function firstChild(pid: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
    const [first] = children.trim().split(' ')
    if (first !== undefined && first !== '') return Number(first)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('unshare started nothing')
}

const [name] = process.argv.slice(2)
if (name === undefined) throw new Error('want the name of the cluster')
await main(name)
