import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Waiting longer than this is worth a word to whoever waits. */
const PATIENCE_MS = 1_500

/**
 * Runs `work` while this process alone, of all on the machine, holds the lock at `path`. The lock is
 * the kernel's: a holder that is killed loses it, so there is no stale one to clean up.
 */
export async function withFileLock<Result>(
  path: string,
  onWait: () => void,
  work: () => Promise<Result>,
): Promise<Result> {
  await mkdir(dirname(path), { recursive: true })
  // Node has no flock(2); flock(1) holds it until its standard input, our pipe, ends.
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = new Promise<never>((_, reject) => {
    holder.once('error', reject)
    holder.once('exit', () => reject(new Error(`Lost the lock ${path}`)))
  })
  const held = new Promise<void>((resolve) => holder.stdout.once('data', () => resolve()))
  const timer = setTimeout(onWait, PATIENCE_MS)
  try {
    await Promise.race([held, ended])
    clearTimeout(timer)
    return await work()
  } finally {
    clearTimeout(timer)
    holder.stdin.on('error', () => {})
    holder.stdin.end()
    // Its end is now what we want: nothing of ours is left when the work is done.
    await ended.catch(() => {})
  }
}
