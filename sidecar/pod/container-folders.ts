import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AUTHORITY_FILE, TOKEN_FILE } from '../../core/pods/sidecar-contract.ts'
import { writeFileAtomically } from './atomic-file.ts'

/**
 * Writes what a container finds at /var/run/secrets/kubernetes.io/serviceaccount. Each container
 * mounts only its own folder, by subPath, so folders are never replaced: a mount would keep the old
 * one. Containers run as any user, hence readable by all.
 */
export async function writeContainerFolders(
  directory: string,
  files: { readonly caPem: string; readonly namespace: string },
  tokens: ReadonlyMap<string, string>,
): Promise<void> {
  const parent = join(directory, 'containers')
  await mkdir(parent, { recursive: true })
  await chmod(parent, 0o755)
  for (const [container, token] of tokens) {
    const folder = join(parent, container)
    await mkdir(folder, { recursive: true })
    await chmod(folder, 0o755)
    await writeFileAtomically(join(folder, AUTHORITY_FILE), files.caPem, 0o644)
    await writeFileAtomically(join(folder, 'namespace'), files.namespace, 0o644)
    await writeFileAtomically(join(folder, TOKEN_FILE), token, 0o644)
  }
}
