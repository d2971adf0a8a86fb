import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Top of the repository. */
export const REPOSITORY = resolve(import.meta.dirname, '../..')

/** What is built once and kept: outside the tree, so that a fresh clone finds it too. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lanyard')

/** A path as its writer meant it: npm runs scripts in the repository, wherever it was called. */
export function fromCaller(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? '', path)
}

const STATE_ROOT = '/var/lib/lanyard-test'

/** Where one cluster keeps everything. Short: the paths of unix sockets hold 107 bytes. */
export interface ClusterPaths {
  readonly root: string
  readonly pki: string
  readonly logs: string
  readonly kubeconfigs: string
  /** Of the admin, through the relay: for a kubectl on the machine. */
  readonly adminKubeconfig: string
  readonly etcd: string
  readonly kubelet: string
  readonly containerd: string
  /** Sockets and process ids; gone with the cluster. */
  readonly run: string
  readonly containerdSocket: string
  readonly apiSocket: string
  readonly controlSocket: string
  readonly auditLog: string
  /** What pods keep on the node: the chart's hostPath volume. */
  readonly volumes: string
  readonly record: string
  /** Held by whoever starts or ends the cluster; outside `root`, which comes and goes. */
  readonly lock: string
}

/** What two processes must not do at the same time, each with a file; in memory, so a boot forgets it. */
export const LOCKS = '/run/lock/lanyard-test'

/**
 * Held by a demo, a benchmark or a test run for as long as it uses its cluster: another one would
 * begin by removing it. No cluster's name begins with a dot.
 */
export function runLock(cluster: string): string {
  return join(LOCKS, `.run-${cluster}.lock`)
}

const NAME_PATTERN = /^[a-z][a-z0-9-]{0,20}$/

/** Throws for a name that no cluster can have, before it becomes part of a path. */
export function clusterPaths(name: string): ClusterPaths {
  if (!NAME_PATTERN.test(name)) {
    throw new Error(
      `Cannot use "${name}" as a cluster's name: want a to z, 0 to 9 and -, at most 21, a letter first`,
    )
  }
  const root = join(STATE_ROOT, name)
  const run = join(root, 'run')
  return {
    root,
    pki: join(root, 'pki'),
    logs: join(root, 'logs'),
    kubeconfigs: join(root, 'kubeconfigs'),
    adminKubeconfig: join(root, 'kubeconfigs', 'admin-outside'),
    etcd: join(root, 'etcd'),
    kubelet: join(root, 'kubelet'),
    containerd: join(root, 'containerd'),
    run,
    containerdSocket: join(run, 'containerd.sock'),
    apiSocket: join(run, 'api.sock'),
    controlSocket: join(run, 'control.sock'),
    auditLog: join(root, 'logs', 'audit.jsonl'),
    volumes: join(root, 'volumes'),
    record: join(root, 'cluster.json'),
    lock: join(LOCKS, `${name}.lock`),
  }
}
