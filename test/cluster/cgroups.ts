import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const MOUNT = '/sys/fs/cgroup'

/** Folder of one cluster in every hierarchy, so that two kubelets never clean up after each other. */
function folderName(cluster: string): string {
  return `lanyard-test-${cluster}`
}

/** Makes the cluster's folder in each cgroup hierarchy; returns it as kubelet's cgroupRoot. */
export async function makeCgroups(cluster: string): Promise<string> {
  const name = folderName(cluster)
  for (const hierarchy of await hierarchies()) {
    const folder = join(hierarchy, name)
    await mkdir(folder, { recursive: true })
    await delegateControllers(hierarchy)
    // cgroup v1 starts a cpuset empty, and an empty one takes no process.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) await inherit(hierarchy, folder, file)
  }
  return `/${name}`
}

/** Removes what kubelet left: empty folders, leaves first. */
export async function removeCgroups(cluster: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const folder = join(hierarchy, folderName(cluster))
    if (existsSync(folder)) await removeTree(folder)
  }
}

async function hierarchies(): Promise<readonly string[]> {
  if (existsSync(join(MOUNT, 'cgroup.controllers'))) return [MOUNT]
  const names = await readdir(MOUNT)
  return names
    .map((name) => join(MOUNT, name))
    .filter((path) => existsSync(join(path, 'cgroup.procs')))
}

/** cgroup v2 hands a controller down only where its parent says so; kubelet wants all of them. */
async function delegateControllers(hierarchy: string): Promise<void> {
  const available = join(hierarchy, 'cgroup.controllers')
  if (!existsSync(available)) return
  const controllers = (await readFile(available, 'utf8')).split(/\s+/).filter((name) => name !== '')
  for (const name of controllers) {
    // One at a time: the kernel refuses all when it refuses one, and kubelet names what it misses.
    await writeFile(join(hierarchy, 'cgroup.subtree_control'), `+${name}`).catch(() => {})
  }
}

async function inherit(parent: string, folder: string, file: string): Promise<void> {
  if (!existsSync(join(folder, file)) || !existsSync(join(parent, file))) return
  await writeFile(join(folder, file), (await readFile(join(parent, file), 'utf8')).trim())
}

async function removeTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(folder, entry.name))
  }
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const busy = await rmdir(folder).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === 'EBUSY',
    )
    if (!busy) return
    // The kernel needs a moment after the last process is gone.
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`Cannot remove the cgroup ${folder}: a process is still in it`)
}
