import { spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Binaries, ensureBinaries } from './binaries.ts'
import { bringUp } from './bring-up.ts'
import { removeCgroups } from './cgroups.ts'
import { type ComponentName, kubeconfig } from './components.ts'
import { control, waitFor } from './control.ts'
import { ensurePackages } from './packages.ts'
import { type ClusterPaths, clusterPaths, REPOSITORY } from './paths.ts'
import { openPki } from './pki.ts'
import { type Log, withProgress } from './progress.ts'
import { type CommandResult, mustRun, runCommand } from './run-command.ts'

/** A real Kubernetes in namespaces of its own on this machine. */
export interface Cluster {
  readonly name: string
  readonly paths: ClusterPaths
  /** Kubeconfig of a member of system:masters, usable by a plain kubectl on the machine. */
  readonly adminKubeconfig: string
  readonly kubectlPath: string
  readonly helmPath: string
  /** One JSON object a line: what kube-apiserver was asked, at level Metadata. */
  readonly auditLogPath: string
  /** Path of a kubeconfig with a client certificate for this user and these groups. */
  kubeconfigFor(user: string, groups: readonly string[]): Promise<string>
  /** Makes a docker archive's images known to the node. */
  loadImage(tarPath: string): Promise<void>
  /** Runs a command on the node: in the cluster's network, mount and PID namespaces. */
  nodeExec(argv: readonly string[], input?: string): Promise<CommandResult>
  /** Ends a component's process with SIGKILL; nothing starts it again but `startComponent`. */
  killComponent(name: ComponentName): Promise<void>
  startComponent(name: ComponentName): Promise<void>
  /** Ends everything and removes every trace of it. */
  stop(): Promise<void>
}

interface ClusterRecord {
  readonly name: string
  readonly port: number
  readonly keeperPid: number
  readonly initPid: number
}

const NAME_PATTERN = /^[a-z][a-z0-9-]{0,20}$/

/** Starts a cluster; one of the same name that runs or was left half dead is removed first. */
export async function startCluster(options: {
  readonly name: string
  readonly log: Log
}): Promise<Cluster> {
  const { name, log } = options
  if (!NAME_PATTERN.test(name))
    throw new Error(`Cannot use ${name} as a cluster's name: want a-z, 0-9, -`)
  await ensurePackages(log)
  const binaries = await ensureBinaries(log)
  await stopCluster(name)
  const paths = clusterPaths(name)
  for (const folder of [
    paths.root,
    paths.logs,
    paths.kubeconfigs,
    paths.run,
    join(paths.root, 'cni'),
  ]) {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  }
  try {
    await withProgress(log, `Starting the cluster ${name}`, () =>
      bringUp(name, binaries, log, startKeeper),
    )
    return attach(await readRecord(name), binaries)
  } catch (error) {
    log(`The cluster did not start; its logs are in ${paths.logs}`)
    throw error
  }
}

/** A handle on a cluster that runs. Throws when none of that name does. */
export async function attachCluster(name: string): Promise<Cluster> {
  const record = await readRecord(name).catch(() => undefined)
  if (record === undefined || !isAlive(record.initPid)) {
    throw new Error(`No cluster called ${name} is running: npm run cluster -- up --name ${name}`)
  }
  return attach(record, await ensureBinaries(() => {}))
}

async function startKeeper(name: string): Promise<number> {
  const paths = clusterPaths(name)
  const log = openSync(join(paths.logs, 'keeper.log'), 'a')
  const keeper = join(REPOSITORY, 'test', 'cluster', 'keeper.ts')
  const child = spawn(process.execPath, [keeper, name], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  child.unref()
  await waitFor(
    'the namespaces',
    20_000,
    () => existsSync(paths.record) && existsSync(paths.controlSocket),
  )
  return (await readRecord(name)).port
}

function attach(record: ClusterRecord, binaries: Binaries): Cluster {
  const { name, initPid, port } = record
  const paths = clusterPaths(name)
  const nodeExec = (argv: readonly string[], input?: string) =>
    runCommand(['nsenter', '-t', String(initPid), '-n', '-m', '-p', '--', ...argv], {
      ...(input === undefined ? {} : { input }),
    })
  return {
    name,
    paths,
    adminKubeconfig: join(paths.kubeconfigs, 'admin-outside'),
    kubectlPath: binaries.kubectl,
    helmPath: binaries.helm,
    auditLogPath: paths.auditLog,
    kubeconfigFor: (user, groups) => writeUserKubeconfig(paths, port, user, groups),
    async loadImage(tarPath) {
      const ctr = ['ctr', '--address', paths.containerdSocket, '-n', 'k8s.io', 'images', 'import']
      const { exitCode, stderr } = await nodeExec([...ctr, '--no-unpack=false', tarPath])
      if (exitCode !== 0) throw new Error(`Cannot load ${tarPath}: ${stderr}`)
    },
    nodeExec,
    async killComponent(component) {
      await control(paths, { op: 'kill', name: component })
    },
    async startComponent(component) {
      await control(paths, { op: 'start', name: component })
    },
    stop: () => stopCluster(name),
  }
}

/** Ends a cluster and removes its processes, mounts, interfaces, cgroups and files. */
export async function stopCluster(name: string): Promise<void> {
  const paths = clusterPaths(name)
  // The supervisor ends with its namespaces, and the keeper reaps them; one that hangs is ended too.
  for (const pid of await clusterProcesses(name, 'supervisor')) kill(pid)
  const gone = async () => (await clusterProcesses(name)).length === 0
  await waitFor('the keeper to end', 5_000, gone).catch(() => {})
  for (const pid of await clusterProcesses(name)) kill(pid)
  await waitFor('the processes to end', 20_000, gone)
  await removeCgroups(name)
  await rm(paths.root, { recursive: true, force: true })
}

/** Processes of this cluster's harness by their command line; whatever they started dies with them. */
async function clusterProcesses(
  name: string,
  which = '(?:keeper|supervisor)',
): Promise<readonly number[]> {
  const listed = await mustRun(['ps', '-eo', 'pid=,args='])
  const mine = new RegExp(`^\\s*(\\d+) .*/test/cluster/${which}\\.ts ${name}$`)
  return listed.split('\n').flatMap((line) => {
    const pid = mine.exec(line)?.[1]
    return pid === undefined ? [] : [Number(pid)]
  })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It ended by itself in the meantime, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}

async function readRecord(name: string): Promise<ClusterRecord> {
  return JSON.parse(await readFile(clusterPaths(name).record, 'utf8')) as ClusterRecord
}

async function writeUserKubeconfig(
  paths: ClusterPaths,
  port: number,
  user: string,
  groups: readonly string[],
): Promise<string> {
  const pki = await openPki(paths.pki)
  const fileName = Buffer.from(JSON.stringify([user, groups]))
    .toString('base64url')
    .slice(0, 100)
  const files = await pki.issue(`user-${fileName}`, { commonName: user, organizations: groups })
  const path = join(paths.kubeconfigs, user.replaceAll(/[^a-zA-Z0-9.-]/g, '_'))
  const text = kubeconfig({
    server: `https://127.0.0.1:${port}`,
    ca: await readFile(join(paths.pki, 'ca.crt'), 'utf8'),
    certificate: await readFile(files.certificate, 'utf8'),
    key: await readFile(files.key, 'utf8'),
  })
  await writeFile(path, text, { mode: 0o600 })
  return path
}
