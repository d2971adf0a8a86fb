import { revokeGrant } from '../../api/client/access-request-client.ts'
import { findGrant } from '../approvals/find-object.ts'
import type { CommandContext } from '../command/command-context.ts'
import { writeDone } from '../terminal/object-writer.ts'

/** `revoke --grant ID`: ends what somebody approved and, within two seconds, what was opened under it. */
export async function runRevokeGrant(
  context: CommandContext,
  id: string,
  reason: string,
): Promise<number> {
  const grant = await findGrant(context, id)
  const revoked = await revokeGrant(context.client, grant, reason)
  writeDone(context, revoked, `accessgrant ${id} revoked\n`)
  return 0
}
