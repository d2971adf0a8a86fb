import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { KEEP } from './control.ts'
import { clusterPaths } from './paths.ts'
import { startRelay } from './relay.ts'

/*
 * Runs on the machine as long as the cluster does: holds the namespaces and relays a loopback port
 * to the API server. When it dies, the kernel ends the namespaces; when they end, so does it.
 *   node keeper.ts NAME KUBE VERSION
 */

async function main(name: string, kube: string, kubernetes: string): Promise<void> {
  const paths = clusterPaths(name)
  const log = openSync(join(paths.logs, 'supervisor.log'), 'a')
  const supervisor = join(import.meta.dirname, 'supervisor.ts')
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--pid', '--fork', '--kill-child'],
      ...[kube, 'init', process.execPath, supervisor, name, kube],
    ],
    { stdio: ['ignore', log, log] },
  )
  child.once('exit', () => process.exit(0))
  endWithUnfinishedStart()
  const relay = await startRelay(0, { path: paths.apiSocket })
  const initPid = await firstChild(child.pid ?? 0)
  const { port } = relay.address() as AddressInfo
  await writeFile(`${paths.record}.new`, JSON.stringify({ name, port, initPid, kube, kubernetes }))
  await rename(`${paths.record}.new`, paths.record)
}

/** A start that is killed half-way closes our input without the word, and leaves nothing running. */
function endWithUnfinishedStart(): void {
  let heard = ''
  process.stdin.on('data', (chunk) => {
    heard += String(chunk)
  })
  process.stdin.once('end', () => {
    if (!heard.includes(KEEP)) process.exit(1)
  })
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

const [name, kube, kubernetes] = process.argv.slice(2)
if (name === undefined || kube === undefined || kubernetes === undefined) {
  throw new Error('want NAME, KUBE and VERSION')
}
await main(name, kube, kubernetes)
