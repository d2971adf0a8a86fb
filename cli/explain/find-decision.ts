import {
  accessPath,
  fieldSelector,
  listAuditEvents,
  type Scope,
} from '../../api/client/access-client.ts'
import type { KubernetesClient } from '../../api/client/kubernetes-client.ts'
import { readEvery } from '../../api/client/read-decisions.ts'
import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import { Fault } from '../../core/fault.ts'
import { type DecisionId, earliestTimeMs, latestTimeMs } from '../arguments/decision-id.ts'
import type { CommandContext } from '../command/command-context.ts'
import { createProgress } from '../terminal/progress.ts'

/**
 * An id holds the time of its decision, so only that stretch of the log is searched, and a little
 * around it: decisions can be on record in another order than they were made, and an id that a sidecar made is up to ten
 * seconds off.
 */
const DISORDER_MS = 20_000

/**
 * The decision with an id, or with the only id that begins so, in any namespace that the user may
 * see: the whole cluster, else the namespace of the client. Throws `not_found` and
 * `request_invalid`.
 */
export async function findDecision(
  context: CommandContext,
  { name, whole }: DecisionId,
): Promise<AuditEventObject> {
  const { client } = context
  const find = (scope: Scope) =>
    whole ? findWhole(client, scope, name) : findByBeginning(context, scope, name)
  try {
    return await find(undefined)
  } catch (error) {
    if (Fault.from(error).code !== 'permission_denied') throw error
  }
  return whole ? getHere(client, name) : find(client.namespace)
}

async function findWhole(
  client: KubernetesClient,
  scope: Scope,
  name: string,
): Promise<AuditEventObject> {
  const { items } = await listAuditEvents(client, scope, {
    fieldSelector: fieldSelector({ 'metadata.name': name }),
  })
  const [event] = items
  if (event === undefined) throw notFound(name, 'this cluster')
  return event
}

/** Who may not list may still be allowed to get. */
async function getHere(client: KubernetesClient, name: string): Promise<AuditEventObject> {
  try {
    return await client.get<AuditEventObject>(accessPath('auditevents', client.namespace, name))
  } catch (error) {
    const fault = Fault.from(error)
    if (fault.code !== 'not_found' || !fault.message.includes(name)) throw fault
    throw notFound(name, `namespace ${client.namespace}, the only one that was searched`)
  }
}

async function findByBeginning(
  context: CommandContext,
  scope: Scope,
  beginning: string,
): Promise<AuditEventObject> {
  const { client, terminal } = context
  const query = {
    scope,
    selector: undefined,
    sinceMs: earliestTimeMs(beginning) - DISORDER_MS,
    progress: createProgress(terminal),
  }
  const endMs = latestTimeMs(beginning) + DISORDER_MS
  const found: AuditEventObject[] = []
  for await (const { items } of readEvery(client, query)) {
    found.push(...items.filter(({ metadata }) => metadata.name.startsWith(beginning)))
    const isPast = items.some(({ spec }) => Date.parse(spec.decidedAt) > endMs)
    if (isPast || found.length > 1) break
  }
  const [event, second] = found
  if (event === undefined) {
    throw notFound(beginning, scope === undefined ? 'this cluster' : `namespace ${scope}`)
  }
  if (second !== undefined) {
    throw new Fault(
      'request_invalid',
      `More than one decision begins with ${beginning}, such as ${event.metadata.name} and ${second.metadata.name}: give more of the id`,
    )
  }
  return event
}

function notFound(name: string, where: string): Fault {
  return new Fault('not_found', `There is no decision ${name} in ${where}`)
}
