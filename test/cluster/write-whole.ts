import { randomUUID } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'

/** Writes a file so that nobody ever reads half of it, not even while two write the same one. */
export async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  await writeFile(aside, text, { mode })
  await rename(aside, path)
}
