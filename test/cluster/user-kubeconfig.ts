import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kubeconfig } from './components.ts'
import type { ClusterPaths } from './paths.ts'
import { openPki } from './pki.ts'
import { writeWhole } from './write-whole.ts'

/** Writes a kubeconfig with a client certificate for this user and these groups; returns its path. */
export async function writeUserKubeconfig(
  paths: ClusterPaths,
  port: number,
  user: string,
  groups: readonly string[],
): Promise<string> {
  if (user === '') throw new Error('Cannot make a certificate: the user has no name')
  const pki = await openPki(paths.pki)
  const name = userFileName(user, groups)
  const files = await pki.issue(name, { commonName: user, organizations: groups })
  const path = join(paths.kubeconfigs, name)
  const text = kubeconfig({
    server: `https://127.0.0.1:${port}`,
    ca: await readFile(join(paths.pki, 'ca.crt'), 'utf8'),
    certificate: await readFile(files.certificate, 'utf8'),
    key: await readFile(files.key, 'utf8'),
  })
  await writeWhole(path, text, 0o600)
  return path
}

/** One name for each user with each set of groups: no two of them ever share a certificate. */
export function userFileName(user: string, groups: readonly string[]): string {
  const readable = user.replaceAll(/[^a-zA-Z0-9.-]/g, '_').slice(0, 60)
  const identity = JSON.stringify([user, [...groups].sort()])
  const digest = createHash('sha256').update(identity).digest('hex').slice(0, 12)
  return `user-${readable}-${digest}`
}
