import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { KEEP, logEnd, waitFor } from './control.ts'
import { type ClusterPaths, REPOSITORY } from './paths.ts'

export interface StartedKeeper {
  /** Lets the cluster outlive this process. Until then, the end of this process is its end. */
  keep(): Promise<void>
  /** Leaves it at that, and does not keep this process from ending. */
  holdOn(): void
  /** Ends the cluster's processes. */
  end(): void
}

/** Starts the process that holds the namespaces, and waits until they answer. */
export async function startKeeper(
  paths: ClusterPaths,
  cluster: { readonly name: string; readonly kube: string; readonly kubernetes: string },
): Promise<StartedKeeper> {
  const { name, kube, kubernetes } = cluster
  const log = openSync(join(paths.logs, 'keeper.log'), 'a')
  const keeper = join(REPOSITORY, 'test', 'cluster', 'keeper.ts')
  const child = spawn(process.execPath, [keeper, name, kube, kubernetes], {
    detached: true,
    stdio: ['pipe', log, log],
  })
  try {
    await waitFor('the namespaces', 20_000, () => {
      if (child.exitCode !== null) throw new Error('The namespaces could not be made')
      return existsSync(paths.record) && existsSync(paths.controlSocket)
    })
  } catch (error) {
    child.stdin?.end()
    const words = error instanceof Error ? error.message : String(error)
    throw new Error(`${words}. ${await logEnd(paths, 'supervisor')}`, { cause: error })
  }
  return {
    keep: () => keep(child),
    holdOn: () => holdOn(child),
    end: () => child.stdin?.end(),
  }
}

function holdOn(child: ChildProcess): void {
  child.unref()
  // Our end of its input is a pipe, which Node makes a socket; it stays open until we are gone.
  const input = child.stdin as Socket | null
  input?.on('error', () => {
    // The keeper has ended, which whoever uses the cluster notices by itself.
  })
  input?.unref()
}

async function keep(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => child.stdin?.end(`${KEEP}\n`, resolve))
  child.unref()
}
