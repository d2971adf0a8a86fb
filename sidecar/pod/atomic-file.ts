import { chmod, open, rename } from 'node:fs/promises'

/**
 * Replaces a file so that a reader sees the old or the new text and never a part. The mode is set
 * whatever the umask says.
 */
export async function writeFileAtomically(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', mode)
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
  await chmod(temporary, mode)
  await rename(temporary, path)
}
