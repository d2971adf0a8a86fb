import { accessPath } from '../../api/client/access-client.ts'
import { listObjects } from '../../api/client/list-objects.ts'
import type { AccessObject } from '../../api/objects/access-object.ts'
import {
  ACCESS_GRANTS,
  ACCESS_REQUESTS,
  type AccessGrantObject,
  type AccessRequestObject,
} from '../../api/objects/access-request-object.ts'
import { Fault } from '../../core/fault.ts'
import type { CommandContext } from '../command/command-context.ts'

/** The request with an id, wherever the user may see it. Throws `not_found`. */
export function findRequest(context: CommandContext, id: string): Promise<AccessRequestObject> {
  return findObject(context, ACCESS_REQUESTS, id, 'access request')
}

/** The grant with an id that still allows something, wherever the user may see it. Throws `not_found`. */
export function findGrant(context: CommandContext, id: string): Promise<AccessGrantObject> {
  return findObject(context, ACCESS_GRANTS, id, 'live grant')
}

/** In the namespace of the client first, then in the whole cluster. */
async function findObject<Item extends AccessObject>(
  { client, program }: CommandContext,
  resource: string,
  id: string,
  what: string,
): Promise<Item> {
  let refused: Fault | undefined
  try {
    return await client.get<Item>(accessPath(resource, client.namespace, id))
  } catch (error) {
    const fault = Fault.from(error)
    if (fault.code !== 'not_found' && fault.code !== 'permission_denied') throw fault
    refused = fault
  }
  const list = await listAnywhere<Item>(client, resource, id, refused)
  const [found] = list.items
  if (found !== undefined) return found
  const command = resource === ACCESS_GRANTS ? 'grants' : 'requests --all'
  throw new Fault(
    'not_found',
    `There is no ${what} ${id} in this cluster; ${program} ${command} -A lists what there is`,
  )
}

/** Who may not look everywhere is told what was wrong in the namespace. */
async function listAnywhere<Item extends AccessObject>(
  client: CommandContext['client'],
  resource: string,
  id: string,
  refused: Fault,
) {
  try {
    const fields = { 'metadata.name': id }
    return await listObjects<Item>(client, resource, { scope: undefined, fields })
  } catch (error) {
    const fault = Fault.from(error)
    throw fault.code === 'permission_denied' ? hinted(refused, client.namespace) : fault
  }
}

function hinted(fault: Fault, namespace: string): Fault {
  return fault.code === 'not_found'
    ? new Fault(
        'not_found',
        `${fault.message} in the namespace ${namespace}, and you may not look in all: name the namespace by -n`,
      )
    : fault
}
