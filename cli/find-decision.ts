import type { AuditEventObject } from '../core/access-objects.ts'
import { Fault } from '../core/fault.ts'
import { accessPath, fieldSelector, listAuditEvents, type Scope } from './access-client.ts'
import { earliestTimeMs, parseDecisionId } from './decision-id.ts'
import type { KubernetesClient } from './kubernetes-client.ts'

/** Pages of decisions that are searched for the beginning of an id. */
const PAGES_MAX = 10

/**
 * The decision with an id, or with the only id that begins so, in any namespace that the user may
 * see: the whole cluster, else the namespace of the client. Throws `not_found` and
 * `request_invalid`.
 */
export async function findDecision(
  client: KubernetesClient,
  text: string,
): Promise<AuditEventObject> {
  const { name, whole } = parseDecisionId(text)
  const find = (scope: Scope) =>
    whole ? findWhole(client, scope, name) : findByBeginning(client, scope, name)
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
  client: KubernetesClient,
  scope: Scope,
  beginning: string,
): Promise<AuditEventObject> {
  const found: AuditEventObject[] = []
  let token: string | undefined
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const list = await listAuditEvents(client, scope, {
      sinceTime: new Date(earliestTimeMs(beginning)).toISOString(),
      limit: '500',
      continue: token,
    })
    const names = list.items.filter(({ metadata }) => metadata.name.startsWith(beginning))
    found.push(...names)
    token = list.metadata.continue
    // The log is in the order of time, and so are the ids.
    const isPast = list.items.some(
      ({ metadata }) => metadata.name.slice(0, beginning.length) > beginning,
    )
    if (token === undefined || token === '' || isPast || found.length > 1) break
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
