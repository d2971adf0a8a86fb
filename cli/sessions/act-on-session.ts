import { actOnSession } from '../../api/client/session-client.ts'
import type { SessionObject } from '../../api/objects/session-object.ts'
import type { CommandContext } from '../command/command-context.ts'
import { objectName, toJson, toYaml } from '../terminal/output-format.ts'
import { findSession } from './find-session.ts'

export interface SessionCutOptions {
  readonly reason: string
}

/** `sessions cut ID`: ends a session that is live; its caller sees the reason. */
export async function runSessionCut(
  context: CommandContext,
  name: string,
  { reason }: SessionCutOptions,
): Promise<number> {
  const session = await findSession(context, name)
  const cut = await actOnSession(context.client, session, 'cut', { reason })
  writeSession(context, cut, 'cut')
  return 0
}

/** `sessions review ID`: says on record that the user has looked at the session. */
export async function runSessionReview(context: CommandContext, name: string): Promise<number> {
  const session = await findSession(context, name)
  const reviewed = await actOnSession(context.client, session, 'review', {})
  writeSession(context, reviewed, 'reviewed')
  return 0
}

/** Writes a session to which something was done, in the form that is wanted. */
export function writeSession(
  { terminal, output }: CommandContext,
  session: SessionObject,
  done: string,
): void {
  if (output === 'json') terminal.out(toJson(session))
  else if (output === 'yaml') terminal.out(toYaml(session))
  else if (output === 'name') terminal.out(objectName(session))
  else terminal.out(`session ${session.metadata.name} ${done}\n`)
}
