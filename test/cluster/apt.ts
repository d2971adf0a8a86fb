import { type CommandResult, failure, runCommand } from './run-command.ts'

/** Another run of apt, such as the machine's own upgrades, holds the lock for a while. */
const APT = ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300']
const ENVIRONMENT = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
/** dpkg, which knows no such timeout, is asked again as long as apt waits. */
const LOCK_TRIES = 60
const LOCK_PAUSE_MS = 5_000

type Run = (argv: readonly string[]) => Promise<CommandResult>

/**
 * Installs Debian packages. Where an earlier run of dpkg was killed half-way, in which case apt
 * refuses to go on, that one's work is finished first. Throws with the end of what apt said.
 */
export async function installPackages(
  names: readonly string[],
  run: Run = (argv) => runCommand(argv, { env: ENVIRONMENT }),
  pauseMs = LOCK_PAUSE_MS,
): Promise<void> {
  const must = async (argv: readonly string[]) => {
    const result = await run(argv)
    if (result.exitCode !== 0) throw failure(argv, result)
  }
  const install = [...APT, 'install', '-y', '--no-install-recommends', ...names]
  await must([...APT, 'update'])
  const result = await run(install)
  if (result.exitCode === 0) return
  if (!wasInterrupted(result)) throw failure(install, result)
  await finishInterrupted(run, pauseMs)
  await must(install)
}

async function finishInterrupted(run: Run, pauseMs: number): Promise<void> {
  const configure = ['dpkg', '--configure', '-a']
  for (let left = LOCK_TRIES; ; left -= 1) {
    const result = await run(configure)
    if (result.exitCode === 0) return
    if (!isLocked(result) || left === 0) throw failure(configure, result)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

function wasInterrupted({ stderr }: CommandResult): boolean {
  return stderr.includes('dpkg was interrupted')
}

function isLocked({ stderr }: CommandResult): boolean {
  return /lock (?:was|is) locked by another process/.test(stderr)
}
