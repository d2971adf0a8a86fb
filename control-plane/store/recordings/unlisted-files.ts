import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { namesIn, syncFolder } from './recordings-folder.ts'

/** Below the folder of the recordings. */
const FOLDER = 'unlisted'

interface UnlistedFile {
  readonly path: string
  readonly bytes: number
  readonly changedMs: number
}

/**
 * Files that the database does not list: whoever restores an older database finds them set aside, in a folder of their
 * own. Nobody reads them here; they go when somebody removes them, or when their room is needed.
 */
export class UnlistedFiles {
  readonly #recordings: string
  #files: readonly UnlistedFile[] = []

  constructor(recordings: string) {
    this.#recordings = recordings
  }

  /** Looks at what is there. */
  async open(): Promise<void> {
    const folder = join(this.#recordings, FOLDER)
    const files = (await namesIn(folder)).map(async (name) => {
      const path = join(folder, name)
      const { size, mtimeMs } = await stat(path)
      return { path, bytes: size, changedMs: mtimeMs }
    })
    this.#files = (await Promise.all(files)).toSorted((a, b) => a.changedMs - b.changedMs)
  }

  /** Sets files of the recordings aside. Those of the same name, from an earlier time, stay as they are. */
  async setAside(names: readonly string[], atMs: number): Promise<void> {
    if (names.length === 0) return
    const folder = join(this.#recordings, FOLDER)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const there = new Set(await namesIn(folder))
    for (const name of names) {
      const kept = there.has(name) ? `${name}.${atMs}` : name
      await rename(join(this.#recordings, name), join(folder, kept))
    }
    await syncFolder(folder)
    await this.open()
  }

  /** Removes the oldest until so many bytes are gone. */
  async drop(bytes: number): Promise<void> {
    let dropped = 0
    while (dropped < bytes) {
      const [oldest, ...others] = this.#files
      if (oldest === undefined) return
      this.#files = others
      dropped += oldest.bytes
      await rm(oldest.path, { force: true })
    }
  }

  size(): { readonly unlistedFiles: number; readonly unlistedBytes: number } {
    return {
      unlistedFiles: this.#files.length,
      unlistedBytes: this.#files.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  }
}
