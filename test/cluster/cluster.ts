import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openApiClient } from './api-client.ts'
import { type Binaries, ensureBinaries } from './binaries.ts'
import { bringUp, prepareFiles } from './bring-up.ts'
import { removeCgroups } from './cgroups.ts'
import type { ComponentName } from './components.ts'
import { killComponent, startComponent, waitFor, waitForComponent } from './control.ts'
import { describeCluster } from './describe.ts'
import { withFileLock } from './file-lock.ts'
import { harnessProcesses, killProcess } from './harness-processes.ts'
import { importImage } from './import-image.ts'
import {
  chosenKubernetes,
  KUBERNETES_RELEASES,
  type KubernetesVersion,
} from './kubernetes-versions.ts'
import { cleaningUpOnSignal } from './on-signal.ts'
import { ensurePackages } from './packages.ts'
import { type ClusterPaths, clusterPaths, runLock } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { requireRoot } from './require-root.ts'
import { type CommandResult, runCommand } from './run-command.ts'
import { startKeeper } from './start-keeper.ts'
import { ensureTestImages, type TestImages } from './test-images.ts'
import { writeUserKubeconfig } from './user-kubeconfig.ts'

/** A real Kubernetes in namespaces of its own on this machine. */
export interface Cluster {
  readonly name: string
  readonly paths: ClusterPaths
  readonly kubernetes: KubernetesVersion
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
  /** The command line that runs this one on the node, for a caller that spawns it itself. */
  nodeCommand(argv: readonly string[]): readonly string[]
  /** Runs a command on the node: in the cluster's network, mount and PID namespaces. */
  nodeExec(argv: readonly string[], input?: string): Promise<CommandResult>
  /** Ends a component's process with SIGKILL; nothing starts it again but `startComponent`. */
  killComponent(name: ComponentName): Promise<void>
  startComponent(name: ComponentName): Promise<void>
  /** Kills a component and starts it again; waits for kube-apiserver to be ready. */
  restartComponent(name: ComponentName): Promise<void>
  /** Ends everything and removes every trace of it. */
  stop(): Promise<void>
}

interface ClusterRecord {
  readonly name: string
  readonly port: number
  /** The init of the namespaces, as the machine sees it. */
  readonly initPid: number
  readonly kubernetes: KubernetesVersion
}

export interface ClusterOptions {
  readonly name: string
  readonly log: Log
  /** Which Kubernetes a cluster that is started is; what `chosenKubernetes` says where none is named. */
  readonly kubernetes?: KubernetesVersion
  /** Ends the cluster's processes with this one, however that ends; the default is to outlive it. */
  readonly endsWithProcess?: boolean
}

/** What a cluster is made of besides configuration. */
interface Parts {
  readonly kubernetes: KubernetesVersion
  readonly binaries: Binaries
  readonly images: TestImages
}

/** Names of clusters that this process made, or is making. */
const ownClusters = new Map<string, 'starting' | 'started' | 'ending'>()

/** Starts a cluster; one of the same name that runs or was left half dead is removed first. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const parts = await ensureParts(options)
  return withClusterLock(options.name, options.log, () => startAnew(options, parts))
}

/**
 * Starts a cluster unless one of that name runs, which holds somebody's work: only one with a part
 * missing is made again. `prepare` is done with it before anyone else may start or end it. Throws when
 * the one that runs is another Kubernetes than the options name.
 */
export async function ensureCluster(
  options: ClusterOptions & { readonly prepare: (cluster: Cluster) => Promise<void> },
): Promise<Cluster> {
  const { name, log, prepare } = options
  const before = await describeCluster(name)
  const parts = before.running ? undefined : await ensureParts(options)
  return withClusterLock(name, log, async () => {
    const { running } = await describeCluster(name)
    const cluster = running
      ? await reuse(options)
      : await startAnew(options, parts ?? (await ensureParts(options)))
    await prepare(cluster)
    return cluster
  })
}

async function reuse({ name, kubernetes, log }: ClusterOptions): Promise<Cluster> {
  const cluster = await attachCluster(name)
  if (kubernetes !== undefined && kubernetes !== cluster.kubernetes) {
    throw new Error(
      `The cluster ${name} runs already, as Kubernetes ${cluster.kubernetes} and not ${kubernetes}: ` +
        `end it first (npm run cluster -- down --name ${name}), or give another --name`,
    )
  }
  log(`The cluster ${name} runs already, as Kubernetes ${cluster.kubernetes}`)
  return cluster
}

async function ensureParts({ kubernetes, log }: ClusterOptions): Promise<Parts> {
  const version = kubernetes ?? chosenKubernetes()
  requireRoot()
  await ensurePackages(log)
  const binaries = await ensureBinaries(version, log)
  return { kubernetes: version, binaries, images: await ensureTestImages(binaries, log) }
}

/** The caller holds the lock. */
async function startAnew(options: ClusterOptions, parts: Parts): Promise<Cluster> {
  const { name, log, endsWithProcess = false } = options
  const { binaries } = parts
  const paths = clusterPaths(name)
  ownClusters.set(name, 'starting')
  if (existsSync(paths.root)) log(`Removing what an earlier run left of the cluster ${name}`)
  await removeCluster(name)
  for (const folder of [paths.logs, paths.kubeconfigs, paths.run, join(paths.root, 'cni')]) {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  }
  await withProgress(log, `Starting the cluster ${name} (${release(parts)})`, async () => {
    await prepareFiles(name, paths)
    const keeper = await startKeeper(paths, {
      name,
      kube: binaries.kube,
      kubernetes: parts.kubernetes,
    })
    try {
      await bringUp((await readRecord(paths)).port, { paths, ...parts, log })
    } catch (error) {
      await unlessEnding(name)
      ownClusters.delete(name)
      keeper.end()
      log(`The cluster did not start; its logs are in ${paths.logs}`)
      throw error
    }
    await unlessEnding(name)
    if (endsWithProcess) keeper.holdOn()
    else await keeper.keep()
  })
  ownClusters.set(name, 'started')
  return attach(await readRecord(paths), binaries)
}

function release({ kubernetes }: Parts): string {
  return `Kubernetes ${KUBERNETES_RELEASES[kubernetes]}`
}

/** A start that is being undone goes no further, and holds its lock until the process has ended. */
async function unlessEnding(name: string): Promise<void> {
  if (ownClusters.get(name) === 'ending') await new Promise(() => {})
}

/** A handle on a cluster that runs. Throws when none of that name does. */
export async function attachCluster(name: string): Promise<Cluster> {
  const paths = clusterPaths(name)
  const { components } = await describeCluster(name)
  if (components.length === 0) {
    throw new Error(`No cluster called ${name} is running: npm run cluster -- up --name ${name}`)
  }
  const record = await readRecord(paths)
  return attach(record, await ensureBinaries(record.kubernetes, console.error))
}

function attach(record: ClusterRecord, binaries: Binaries): Cluster {
  const { name, initPid, port, kubernetes } = record
  const paths = clusterPaths(name)
  const nodeCommand = (argv: readonly string[]) => [
    ...['nsenter', '-t', String(initPid), '-n', '-m', '-p', '--'],
    ...argv,
  ]
  return {
    name,
    paths,
    kubernetes,
    adminKubeconfig: paths.adminKubeconfig,
    kubectlPath: binaries.kubectl,
    helmPath: binaries.helm,
    auditLogPath: paths.auditLog,
    kubeconfigFor: (user, groups) => writeUserKubeconfig(paths, port, user, groups),
    loadImage: (tarPath) => importImage(paths, resolve(tarPath)),
    nodeCommand,
    nodeExec: (argv, input = '') => runCommand(nodeCommand(argv), { input }),
    killComponent: (component) => killComponent(paths, component),
    startComponent: (component) => startComponent(paths, component),
    async restartComponent(component) {
      await killComponent(paths, component)
      await startComponent(paths, component)
      if (component !== 'kube-apiserver') return
      const { isReady } = await openApiClient(paths, port)
      await waitForComponent(paths, component, 'it is ready again', 60_000, isReady)
    },
    stop: () => stopCluster(name),
  }
}

/** Ends a cluster and removes its processes, mounts, interfaces, cgroups and files. */
export async function stopCluster(name: string, log: Log = () => {}): Promise<void> {
  await withClusterLock(name, log, () => removeCluster(name))
  ownClusters.delete(name)
}

/**
 * Runs `work`, which starts the cluster and is done with it at its end, while no other such run uses
 * one of that name. A signal that ends this process removes the cluster first, unless it is to stay.
 */
export function withClusterToItself<Result>(
  options: { readonly name: string; readonly keep: boolean; readonly log: Log },
  work: () => Promise<Result>,
): Promise<Result> {
  const { name, log } = options
  const onWait = () => log(`Waiting for another run that uses the cluster ${name}`)
  return cleaningUpOnSignal(
    () => withFileLock(runLock(name), onWait, work),
    (signal) => endOwnCluster(name, { ...options, signal }),
  )
}

/**
 * What a process does with a cluster of its own when a signal tells it to end: removes it, be it half
 * started, or says that it stays. The start of its own holds the lock until then, so nobody is met.
 */
async function endOwnCluster(
  name: string,
  { signal, keep, log }: { readonly signal: string; readonly keep: boolean; readonly log: Log },
): Promise<void> {
  const state = ownClusters.get(name)
  if (state === undefined) return
  if (keep && state === 'started') {
    log(`${signal}: the cluster ${name} stays up: npm run cluster -- down --name ${name}`)
    return
  }
  ownClusters.set(name, 'ending')
  const remove = () => (state === 'started' ? stopCluster(name, log) : removeCluster(name))
  await withProgress(log, `${signal}: removing the cluster ${name}`, remove)
}

async function removeCluster(name: string): Promise<void> {
  // The supervisor ends with its namespaces, and the keeper reaps them; one that hangs is ended too.
  for (const pid of await harnessProcesses(name, ['supervisor'])) killProcess(pid)
  const gone = async () => (await harnessProcesses(name)).length === 0
  await waitFor('the keeper to end', 5_000, gone).catch(() => {})
  for (const pid of await harnessProcesses(name)) killProcess(pid)
  await waitFor('the processes to end', 20_000, gone)
  await removeCgroups(name)
  await rm(clusterPaths(name).root, { recursive: true, force: true })
}

function withClusterLock<Result>(
  name: string,
  log: Log,
  work: () => Promise<Result>,
): Promise<Result> {
  const onWait = () => log(`Waiting for another run that starts or ends the cluster ${name}`)
  return withFileLock(clusterPaths(name).lock, onWait, work)
}

async function readRecord(paths: ClusterPaths): Promise<ClusterRecord> {
  const record = JSON.parse(await readFile(paths.record, 'utf8')) as ClusterRecord
  // One that was started before there was a choice does not say which version.
  return { ...record, kubernetes: record.kubernetes ?? '1.34' }
}
