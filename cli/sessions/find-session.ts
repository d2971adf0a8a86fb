import { getSession, listSessions } from '../../api/client/session-client.ts'
import type { SessionObject } from '../../api/objects/session-object.ts'
import { Fault } from '../../core/fault.ts'
import type { CommandContext } from '../command/command-context.ts'

/**
 * The session with an id, in any namespace that the user may see: the whole cluster, else the namespace of
 * the client. Throws `not_found`.
 */
export async function findSession(
  { client }: CommandContext,
  name: string,
): Promise<SessionObject> {
  const fields = { 'metadata.name': name }
  try {
    for await (const { items } of listSessions(client, { scope: undefined, fields })) {
      const [session] = items
      if (session !== undefined) return session
    }
  } catch (error) {
    // A person who may not list the whole cluster may still be allowed to get here.
    if (Fault.from(error).code !== 'permission_denied') throw error
    return getSession(client, client.namespace, name)
  }
  throw new Fault('not_found', `There is no recorded session ${name} in this cluster`)
}
