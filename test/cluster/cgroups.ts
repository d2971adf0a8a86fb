import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { returnControllers, takeControllers } from './cgroup-controllers.ts'

const MOUNT = '/sys/fs/cgroup'
const PREFIX = 'lanyard-test-'

/** Folder of one cluster in every hierarchy, so that two kubelets never clean up after each other. */
function folderName(cluster: string): string {
  return `${PREFIX}${cluster}`
}

/** Makes the cluster's folder in each cgroup hierarchy; returns it as kubelet's cgroupRoot. */
export async function makeCgroups(cluster: string): Promise<string> {
  const name = folderName(cluster)
  for (const hierarchy of await hierarchies()) {
    const folder = join(hierarchy, name)
    await mkdir(folder, { recursive: true })
    await takeControllers(hierarchy)
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
    await returnControllers(hierarchy, PREFIX)
  }
}

async function hierarchies(): Promise<readonly string[]> {
  if (existsSync(join(MOUNT, 'cgroup.controllers'))) return [MOUNT]
  const names = await readdir(MOUNT)
  return names
    .map((name) => join(MOUNT, name))
    .filter((path) => existsSync(join(path, 'cgroup.procs')))
}

async function inherit(parent: string, folder: string, file: string): Promise<void> {
  if (!existsSync(join(folder, file)) || !existsSync(join(parent, file))) return
  await writeFile(join(folder, file), (await readFile(join(parent, file), 'utf8')).trim())
}

/** Removes a cgroup and those in it. Throws when one stays, with its path and the kernel's word. */
export async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(unlessGone([]))
  for (const entry of entries) {
    if (entry.isDirectory()) await removeTree(join(folder, entry.name))
  }
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const code = await rmdir(folder).then(
      () => '',
      (error: NodeJS.ErrnoException) => error.code ?? '',
    )
    if (code === '' || code === 'ENOENT') return
    if (code !== 'EBUSY') throw new Error(`Cannot remove the cgroup ${folder}: ${code}`)
    // The kernel needs a moment after the last process is gone.
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`Cannot remove the cgroup ${folder}: a process is still in it`)
}

/** Somebody else removed it in the meantime, which is as good. */
function unlessGone<Result>(result: Result): (error: NodeJS.ErrnoException) => Result {
  return (error) => {
    if (error.code === 'ENOENT') return result
    throw error
  }
}
