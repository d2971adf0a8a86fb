import { connect } from 'node:net'
import type { ClusterPaths } from './paths.ts'

/** Asks the supervisor inside for something. Throws with its words when it cannot. */
export async function control(paths: ClusterPaths, request: object): Promise<unknown> {
  const socket = connect(paths.controlSocket)
  socket.write(`${JSON.stringify(request)}\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  const reply = JSON.parse(text) as { ok: boolean; error?: string }
  if (!reply.ok) throw new Error(reply.error ?? 'the supervisor refused')
  return reply
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
