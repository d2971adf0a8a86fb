import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Top of the repository. */
export const REPOSITORY = resolve(import.meta.dirname, '../..')

/** What is built once and kept: outside the tree, so that a fresh clone finds it too. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lanyard')

const STATE_ROOT = '/var/lib/lanyard-test'

/** Where one cluster keeps everything. Short: the paths of unix sockets hold 107 bytes. */
export interface ClusterPaths {
  readonly root: string
  readonly pki: string
  readonly logs: string
  readonly kubeconfigs: string
  readonly etcd: string
  readonly kubelet: string
  readonly containerd: string
  /** Sockets and process ids; gone with the cluster. */
  readonly run: string
  readonly containerdSocket: string
  readonly apiSocket: string
  readonly controlSocket: string
  readonly auditLog: string
  readonly record: string
}

export function clusterPaths(name: string): ClusterPaths {
  const root = join(STATE_ROOT, name)
  const run = join(root, 'run')
  return {
    root,
    pki: join(root, 'pki'),
    logs: join(root, 'logs'),
    kubeconfigs: join(root, 'kubeconfigs'),
    etcd: join(root, 'etcd'),
    kubelet: join(root, 'kubelet'),
    containerd: join(root, 'containerd'),
    run,
    containerdSocket: join(run, 'containerd.sock'),
    apiSocket: join(run, 'api.sock'),
    controlSocket: join(run, 'control.sock'),
    auditLog: join(root, 'logs', 'audit.jsonl'),
    record: join(root, 'cluster.json'),
  }
}
