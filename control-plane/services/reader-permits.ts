import { setTimeout as sleep } from 'node:timers/promises'
import type { Metadata } from '@grpc/grpc-js'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import { type AccessReviewer, mayAccess } from '../kubernetes/access-reviewer.ts'
import type { TokenReviewer } from '../kubernetes/token-reviewer.ts'
import { bearerToken } from './grpc-fault.ts'

export interface PermitDeps {
  readonly reviewToken: TokenReviewer
  readonly access: AccessReviewer
}

/** Throws unless the caller may read a resource of the access group, in one namespace or in all. */
export type RequireAccess = (
  metadata: Metadata,
  resource: string,
  verb: string,
  namespace: string,
) => Promise<void>

/** Asks for the token of the call first, then for the RBAC of its user. */
export function createPermit(deps: PermitDeps): RequireAccess {
  const isPermitted = createCheck(deps)
  return async function permit(metadata, resource, verb, namespace) {
    const user = await deps.reviewToken(bearerToken(metadata))
    if (await isPermitted(user, resource, verb, namespace)) return
    const where = namespace === '' ? 'in every namespace' : `in the namespace ${namespace}`
    throw new Fault(
      'permission_denied',
      `${user.username} may not ${verb} ${resource}.${ACCESS_GROUP} ${where}`,
    )
  }
}

/**
 * Gives the one record that a caller asks for. Throws `permission_denied` with one text, whether there
 * is no such record or the caller may not read where it is; `not_found` only to whoever may read all.
 */
export type Disclose = <Found>(
  metadata: Metadata,
  resource: string,
  look: () => Promise<{ readonly found: Found; readonly namespace: string } | undefined>,
) => Promise<Found>

/** A look at RBAC that nobody remembers takes longer than one that is remembered; no answer is faster. */
const REFUSAL_MS_MIN = 100

/** As `Disclose` says; a refusal takes as long whether or not there is a record. */
export function createDisclose(deps: PermitDeps): Disclose {
  const isPermitted = createCheck(deps)
  return async function disclose(metadata, resource, look) {
    const beganAtMs = performance.now()
    const user = await deps.reviewToken(bearerToken(metadata))
    const record = await look()
    const mayReadAll = await isPermitted(user, resource, 'get', '')
    if (record === undefined && mayReadAll) {
      throw new Fault('not_found', `No ${resource} of this id is on record`)
    }
    const mayRead =
      mayReadAll ||
      (record !== undefined && (await isPermitted(user, resource, 'get', record.namespace)))
    if (record !== undefined && mayRead) return record.found
    await sleep(Math.max(0, beganAtMs + REFUSAL_MS_MIN - performance.now()))
    throw new Fault(
      'permission_denied',
      `${user.username} gets no ${resource}.${ACCESS_GROUP} of this id: none is on record, or it is of a namespace in which ${user.username} may not get them`,
    )
  }
}

/** Whether a user may read a resource of the access group, in one namespace or in all. */
type AccessCheck = (
  user: UserInfo,
  resource: string,
  verb: string,
  namespace: string,
) => Promise<boolean>

function createCheck({ access }: PermitDeps): AccessCheck {
  return (user, resource, verb, namespace) =>
    mayAccess(access, user, accessAttributes(resource, verb, namespace))
}

/** What is asked of RBAC about the access group; `resource` may have a subresource, as RBAC writes it. */
export function accessAttributes(
  resource: string,
  verb: string,
  namespace: string,
  name = '',
): RequestAttributes {
  const [kind = '', subresource = ''] = resource.split('/')
  return {
    verb,
    resourceRequest: true,
    apiGroup: ACCESS_GROUP,
    apiVersion: ACCESS_VERSION,
    resource: kind,
    ...{ subresource, namespace, name },
    path: '',
    alsoVerbs: [],
  }
}
