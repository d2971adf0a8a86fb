import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import {
  COMPONENT_NAMES,
  type ComponentContext,
  type ComponentName,
  componentCommand,
} from './components.ts'
import { setUpNode } from './node-setup.ts'
import { clusterPaths } from './paths.ts'
import { startRelay } from './relay.ts'

/*
 * Runs inside the cluster's own network, mount and PID namespaces, under an init that reaps. Sets
 * the node up, starts the components when told to over the control socket, and relays the API.
 *   node supervisor.ts NAME KUBE
 */

const running = new Map<ComponentName, ChildProcess>()

async function main(name: string, kube: string): Promise<void> {
  const paths = clusterPaths(name)
  await setUpNode(paths)
  const context: ComponentContext = { paths, kube }
  await startRelay(paths.apiSocket, { host: '127.0.0.1', port: 6443 })
  const server = createServer({ allowHalfOpen: true }, (socket) => answer(socket, context))
  server.listen(paths.controlSocket)
}

/** One JSON line in, one out: `{"op":"start","name":"etcd"}` → `{"ok":true,"pid":12}`. */
function answer(socket: Socket, context: ComponentContext): void {
  let text = ''
  const onData = (chunk: Buffer) => {
    text += String(chunk)
    if (!text.includes('\n')) return
    socket.off('data', onData)
    void carryOut(text, context)
      .then(
        (result) => ({ ok: true, ...result }),
        (error: unknown) => ({ ok: false, error: String(error) }),
      )
      .then((reply) => socket.end(`${JSON.stringify(reply)}\n`))
  }
  socket.on('data', onData)
  // Whoever asked is gone; what was asked for is done all the same.
  socket.on('error', () => socket.destroy())
}

async function carryOut(text: string, context: ComponentContext): Promise<object> {
  const { op, name } = JSON.parse(text) as { op: string; name: ComponentName }
  if (op === 'list') {
    return {
      components: COMPONENT_NAMES.map((key) => ({ name: key, pid: running.get(key)?.pid ?? 0 })),
    }
  }
  if (!COMPONENT_NAMES.includes(name)) throw new Error(`no component is called ${name}`)
  if (op === 'start') return { pid: await start(name, context) }
  if (op === 'kill') return kill(name)
  throw new Error(`no such operation: ${op}`)
}

async function start(name: ComponentName, context: ComponentContext): Promise<number> {
  const known = running.get(name)
  if (known?.pid !== undefined) return known.pid
  const [command = '', ...args] = componentCommand(name, context)
  const log = openSync(join(context.paths.logs, `${name}.log`), 'a')
  const child = spawn(command, args, { stdio: ['ignore', log, log] })
  running.set(name, child)
  child.once('exit', () => running.delete(name))
  try {
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  } catch (error) {
    running.delete(name)
    throw error
  } finally {
    closeSync(log)
  }
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

const [name, kube] = process.argv.slice(2)
if (name === undefined || kube === undefined) throw new Error('want NAME and KUBE')
await main(name, kube)
