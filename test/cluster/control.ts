import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { ComponentName } from './components.ts'
import type { ClusterPaths } from './paths.ts'

/** The word on the keeper's input that says: the cluster is up, outlive whoever started you. */
export const KEEP = 'keep'

export interface ComponentState {
  readonly name: ComponentName
  /** Process id inside the cluster's PID namespace; 0 when it does not run. */
  readonly pid: number
}

/** Asks the supervisor inside for something. Throws with its words when it cannot. */
async function control(paths: ClusterPaths, request: object): Promise<object> {
  const socket = connect(paths.controlSocket)
  socket.write(`${JSON.stringify(request)}\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  const reply = JSON.parse(text) as { ok: boolean; error?: string }
  if (!reply.ok) throw new Error(reply.error ?? 'the supervisor refused')
  return reply
}

/** Starts a component unless it runs. Does not wait for it to be ready. */
export async function startComponent(paths: ClusterPaths, name: ComponentName): Promise<void> {
  await control(paths, { op: 'start', name })
}

/** Ends a component with SIGKILL and waits for its end. */
export async function killComponent(paths: ClusterPaths, name: ComponentName): Promise<void> {
  await control(paths, { op: 'kill', name })
}

/** Every component; an empty list when no supervisor answers. */
export async function listComponents(paths: ClusterPaths): Promise<readonly ComponentState[]> {
  // No socket, or one whose supervisor is gone: that is the answer "nothing runs".
  const reply = await control(paths, { op: 'list' }).catch(() => ({}))
  return (reply as { components?: readonly ComponentState[] }).components ?? []
}

/** Polls until it holds. Throws what was waited for when it never does. */
export async function waitFor(
  what: string,
  timeoutMs: number,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1_000} s for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Polls like `waitFor`, but not longer than the component lives; the error ends with its log. */
export async function waitForComponent(
  paths: ClusterPaths,
  component: ComponentName,
  what: string,
  timeoutMs: number,
  holds: () => Promise<boolean>,
): Promise<void> {
  try {
    await waitFor(what, timeoutMs, async () => {
      if (await holds()) return true
      const state = (await listComponents(paths)).find(({ name }) => name === component)
      if (state !== undefined && state.pid !== 0) return false
      throw new Error(`${component} ended before ${what}`)
    })
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    throw new Error(`${words}. ${await logEnd(paths, component)}`, { cause: error })
  }
}

/** The last lines of a log of the cluster, for an error message. */
export async function logEnd(paths: ClusterPaths, name: string): Promise<string> {
  const file = join(paths.logs, `${name}.log`)
  const text = await readFile(file, 'utf8').catch(() => '')
  const lines = text.trim().split('\n').slice(-12)
  return `The end of ${file}:\n${lines.map((line) => `  ${line.slice(0, 300)}`).join('\n')}`
}
