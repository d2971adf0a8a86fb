import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { NODE_IP } from './components.ts'
import type { ClusterPaths } from './paths.ts'
import { mustRun, runCommand } from './run-command.ts'

/* What makes fresh namespaces a node. Runs inside them, as root, once. */

/** Folders that the runtime and kubelet use by fixed names; two clusters must not share them. */
const COVERED_FOLDERS = [
  '/run/containerd',
  '/run/netns',
  '/var/lib/cni',
  '/var/lib/kubelet',
  '/var/log/pods',
  '/var/log/containers',
  '/usr/libexec/kubernetes',
]

/** Where the chart keeps its database on a node without a provisioner. */
const CHART_FOLDER = '/var/lib/lanyard'

/** Settings of the whole machine that kubelet insists on, with the values that it wants. */
const KERNEL_SETTINGS: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
}

/** Throws with the words of the command that failed. */
export async function setUpNode(paths: ClusterPaths): Promise<void> {
  await mustRun(['mount', '--make-rshared', '/'])
  await mustRun(['mount', '-t', 'proc', 'proc', '/proc'])
  await coverFolders(paths)
  await coverKernelSettings(paths)
  await prepareNetwork()
}

/** Mounted over in this mount namespace only, so that the machine's own stay as they are. */
async function coverFolders(paths: ClusterPaths): Promise<void> {
  for (const folder of COVERED_FOLDERS) {
    await mkdir(folder, { recursive: true })
    await mustRun(['mount', '-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', folder])
    await mustRun(['mount', '--make-shared', folder])
  }
  // On the disk and not in memory: a database is to cost here what it costs on a real node.
  await mkdir(CHART_FOLDER, { recursive: true })
  await mkdir(paths.volumes, { recursive: true })
  await mustRun(['mount', '--bind', paths.volumes, CHART_FOLDER])
  await mkdir(join(paths.run, 'containerd'), { recursive: true })
}

/**
 * These settings know no namespace: kubelet would change them for the machine, and for good. It
 * reads before it writes, so it gets files that already hold what it wants.
 */
async function coverKernelSettings(paths: ClusterPaths): Promise<void> {
  const folder = join(paths.run, 'sysctl')
  await mkdir(folder, { recursive: true })
  for (const [name, value] of Object.entries(KERNEL_SETTINGS)) {
    if (!existsSync(join('/proc/sys', name))) continue
    const file = join(folder, name.replaceAll('/', '.'))
    await writeFile(file, `${value}\n`)
    await mustRun(['mount', '--bind', file, join('/proc/sys', name)])
  }
}

async function prepareNetwork(): Promise<void> {
  await loadKernelModules()
  await mustRun(['ip', 'link', 'set', 'lo', 'up'])
  await mustRun(['ip', 'link', 'add', 'cni0', 'type', 'bridge'])
  await mustRun(['ip', 'addr', 'add', `${NODE_IP}/16`, 'dev', 'cni0'])
  await mustRun(['ip', 'link', 'set', 'cni0', 'up'])
  // Something must be the way out, or the kernel refuses ClusterIPs before kube-proxy sees them.
  await mustRun(['ip', 'route', 'add', 'default', 'dev', 'cni0'])
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1')
  // Where the bridge is not filtered, a pod's answer to another pod's ClusterIP keeps its address.
  const filtered = '/proc/sys/net/bridge/bridge-nf-call-iptables'
  if (existsSync(filtered)) await writeFile(filtered, '1')
}

/**
 * For kernels that have them as modules; where they are built in, or loaded, there is nothing to do.
 * They stay loaded until the machine starts again: nobody can tell who has come to need them since.
 */
async function loadKernelModules(): Promise<void> {
  if (!existsSync('/proc/modules')) return
  // A module that is built in after all makes modprobe fail; what misses it says so in its own log.
  await runCommand(['modprobe', '-a', 'overlay', 'br_netfilter', 'nf_conntrack']).catch(() => {})
}
