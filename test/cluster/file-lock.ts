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
  const release = await takeFileLock(path, onWait)
  try {
    return await work()
  } finally {
    await release()
  }
}

/** Takes the same lock for as long as its caller likes; returns what gives it back. */
export async function takeFileLock(path: string, onWait: () => void): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true })
  // Node has no flock(2); flock(1) holds it until its standard input, our pipe, ends. In a session of
  // its own: Ctrl-C on a terminal must not take the lock from whoever still cleans up under it.
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  })
  const ended = new Promise<never>((_, reject) => {
    holder.once('error', reject)
    holder.once('exit', () => reject(new Error(`Lost the lock ${path}`)))
  })
  const held = new Promise<void>((resolve) => holder.stdout.once('data', () => resolve()))
  const release = async () => {
    holder.stdin.on('error', () => {})
    holder.stdin.end()
    // Its end is now what we want: nothing of ours is left when the work is done.
    await ended.catch(() => {})
  }
  const timer = setTimeout(onWait, PATIENCE_MS)
  try {
    await Promise.race([held, ended])
  } catch (error) {
    await release()
    throw error
  } finally {
    clearTimeout(timer)
  }
  return release
}
