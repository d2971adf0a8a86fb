import { type ChildProcess, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { ensureBinaries } from './binaries.ts'
import {
  COMPONENT_NAMES,
  type ComponentContext,
  type ComponentName,
  componentCommand,
  NODE_IP,
} from './components.ts'
import { type ClusterPaths, clusterPaths } from './paths.ts'
import { openPki } from './pki.ts'
import { startRelay } from './relay.ts'
import { mustRun } from './run-command.ts'

/*
 * Runs inside the cluster's own network, mount and PID namespaces, under an init that reaps. Sets
 * the node up, starts the components when told to over the control socket, and relays the API.
 *   node supervisor.ts NAME
 */

const running = new Map<ComponentName, ChildProcess>()

async function main(name: string): Promise<void> {
  const paths = clusterPaths(name)
  await prepareMounts(paths)
  await prepareNetwork()
  const { kube } = await ensureBinaries(console.error)
  const context: ComponentContext = { paths, pki: await openPki(paths.pki), kube }
  await startRelay(paths.apiSocket, { host: '127.0.0.1', port: 6443 })
  const server = createServer((socket) => {
    void answer(socket, context)
  })
  server.listen(paths.controlSocket)
}

/** Folders that the runtime writes to by fixed names are covered, so that the machine's stay as they are. */
async function prepareMounts(paths: ClusterPaths): Promise<void> {
  await mustRun(['mount', '--make-rshared', '/'])
  await mustRun(['mount', '-t', 'proc', 'proc', '/proc'])
  for (const folder of [
    '/run/containerd',
    '/run/netns',
    '/var/lib/cni',
    '/var/log/pods',
    '/var/log/containers',
  ]) {
    await mkdir(folder, { recursive: true })
    await mustRun(['mount', '-t', 'tmpfs', 'tmpfs', folder])
    await mustRun(['mount', '--make-shared', folder])
  }
  await mkdir(join(paths.run, 'containerd'), { recursive: true })
}

async function prepareNetwork(): Promise<void> {
  await mustRun(['ip', 'link', 'set', 'lo', 'up'])
  await mustRun(['ip', 'link', 'add', 'cni0', 'type', 'bridge'])
  await mustRun(['ip', 'addr', 'add', `${NODE_IP}/16`, 'dev', 'cni0'])
  await mustRun(['ip', 'link', 'set', 'cni0', 'up'])
  // Something must be the way out, or the kernel refuses ClusterIPs before kube-proxy sees them.
  await mustRun(['ip', 'route', 'add', 'default', 'dev', 'cni0'])
  await mustRun(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
  await mustRun(['sh', '-c', 'echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables || true'])
}

/** One JSON line in, one out: `{"op":"start","name":"etcd"}` → `{"ok":true,"pid":12}`. */
async function answer(socket: Socket, context: ComponentContext): Promise<void> {
  let text = ''
  socket.on('error', () => socket.destroy())
  for await (const chunk of socket) {
    text += String(chunk)
    if (!text.includes('\n')) continue
    const reply = await carryOut(text, context).then(
      (result) => ({ ok: true, ...result }),
      (error: unknown) => ({ ok: false, error: String(error) }),
    )
    socket.end(`${JSON.stringify(reply)}\n`)
    return
  }
}

async function carryOut(text: string, context: ComponentContext): Promise<object> {
  const { op, name } = JSON.parse(text) as { op: string; name: ComponentName }
  if (op === 'list') {
    return {
      components: COMPONENT_NAMES.map((key) => ({ name: key, pid: running.get(key)?.pid ?? 0 })),
    }
  }
  if (!COMPONENT_NAMES.includes(name)) throw new Error(`no component is called ${name}`)
  if (op === 'start') return { pid: start(name, context) }
  if (op === 'kill') return kill(name)
  throw new Error(`no such operation: ${op}`)
}

function start(name: ComponentName, context: ComponentContext): number {
  const known = running.get(name)
  if (known?.pid !== undefined) return known.pid
  const [command = '', ...args] = componentCommand(name, context)
  const log = openSync(join(context.paths.logs, `${name}.log`), 'a')
  const child = spawn(command, args, { stdio: ['ignore', log, log] })
  running.set(name, child)
  child.once('error', () => running.delete(name))
  child.once('exit', () => running.delete(name))
  return child.pid ?? 0
}

async function kill(name: ComponentName): Promise<object> {
  const child = running.get(name)
  if (child === undefined) return {}
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
  return {}
}

const [name] = process.argv.slice(2)
if (name === undefined) throw new Error('want the name of the cluster')
await main(name)
