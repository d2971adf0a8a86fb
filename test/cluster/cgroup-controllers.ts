import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { withFileLock } from './file-lock.ts'
import { LOCKS } from './paths.ts'

/*
 * cgroup v2 hands a controller down only where its parent says so. kubelet wants all of them, and the
 * root of the hierarchy is the machine's own: what was switched on there is switched off again.
 */

/** Which ones were switched on, one a line. In memory, like the setting itself: a boot forgets both. */
const RECORD = join(LOCKS, '.cgroup-controllers')

/** Hands every controller of the hierarchy down. Does nothing for cgroup v1, which has no such thing. */
export async function takeControllers(hierarchy: string, record = RECORD): Promise<void> {
  if (!existsSync(join(hierarchy, 'cgroup.controllers'))) return
  await locked(record, async () => {
    const available = await words(join(hierarchy, 'cgroup.controllers'))
    const before = await words(subtreeControl(hierarchy))
    for (const name of available.filter((each) => !before.includes(each))) {
      // On record first, for a run that is killed right here.
      await writeFile(record, `${name}\n`, { flag: 'a' })
      await change(hierarchy, `+${name}`)
    }
  })
}

/**
 * Takes back what `takeControllers` handed down, unless a folder whose name begins with `prefix` still
 * needs it. The kernel keeps what somebody else has come to use meanwhile.
 */
export async function returnControllers(
  hierarchy: string,
  prefix: string,
  record = RECORD,
): Promise<void> {
  if (!existsSync(record) || !existsSync(join(hierarchy, 'cgroup.controllers'))) return
  await locked(record, async () => {
    if ((await readdir(hierarchy)).some((name) => name.startsWith(prefix))) return
    for (const name of new Set(await words(record))) await change(hierarchy, `-${name}`)
    await rm(record, { force: true })
  })
}

/** One at a time: the kernel refuses all when it refuses one, and kubelet names what it misses. */
async function change(hierarchy: string, text: string): Promise<void> {
  await writeFile(subtreeControl(hierarchy), text).catch(() => {})
}

function subtreeControl(hierarchy: string): string {
  return join(hierarchy, 'cgroup.subtree_control')
}

async function words(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split(/\s+/).filter((word) => word !== '')
}

async function locked(record: string, work: () => Promise<void>): Promise<void> {
  await mkdir(dirname(record), { recursive: true })
  await withFileLock(`${record}.lock`, () => {}, work)
}
