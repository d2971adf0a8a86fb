import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Logger } from './logger.ts'

/** A small file that others replace, such as a projected token. */
export interface WatchedFile {
  /** What was read last; stays when the file is gone for a moment. */
  text(): string
  /** Looks now instead of at the next turn. */
  check(): Promise<void>
  /** Why the last look failed; undefined when it did not. */
  problem(): string | undefined
  close(): void
}

export interface WatchedFileOptions {
  readonly path: string
  readonly everyMs: number
  readonly logger: Logger
  readonly onChange?: (text: string) => void
}

/**
 * Reads a file now (throws when it cannot) and again every `everyMs`. Projected volumes swap a
 * link, which no watch on the file itself would tell; reading one kilobyte costs less than guessing
 * from times.
 */
export function watchFile(options: WatchedFileOptions): WatchedFile {
  const { path, everyMs, logger, onChange } = options
  let text = readFileSync(path, 'utf8').trim()
  let problem: string | undefined

  async function check(): Promise<void> {
    try {
      const found = (await readFile(path, 'utf8')).trim()
      problem = found === '' ? 'the file is empty' : undefined
      if (found === '' || found === text) return
      text = found
      logger.info({ path }, 'File changed')
      onChange?.(text)
    } catch (error) {
      // Recorded: the old text serves until the file is back.
      problem = 'the file cannot be read'
      logger.warn({ path, error }, 'Cannot read the file')
    }
  }

  const timer = setInterval(() => void check(), everyMs)
  timer.unref()
  return {
    text: () => text,
    check,
    problem: () => problem,
    close: () => clearInterval(timer),
  }
}
