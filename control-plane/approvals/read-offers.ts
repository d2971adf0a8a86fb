import type { OffersObject } from '../../api/objects/access-request-object.ts'
import type { AccessRequest } from '../../core/approvals/access-request.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { Approvals } from './approvals.ts'

export interface OffersDeps {
  readonly approvals: Pick<Approvals, 'offers'>
  /** Whether a user may make a request of the access API, by the cluster's authorizer. */
  readonly authorize: (user: UserInfo, attributes: RequestAttributes) => Promise<boolean>
}

/**
 * What both RBAC and the rules let a user do about a request, so that nothing is offered that would fail; `attributes`
 * name the AccessRequest.
 */
export async function readOffers(
  { approvals, authorize }: OffersDeps,
  request: AccessRequest,
  user: UserInfo,
  attributes: RequestAttributes,
): Promise<OffersObject> {
  const may = (subresource: string) =>
    authorize(user, { ...attributes, verb: 'create', subresource })
  const { scopes, mayDeny, mayCancel, why, reasonRequired } = approvals.offers(request, user)
  // Compared with true: whatever else an authorizer answers is a no.
  const approve = scopes.length > 0 && (await may('approve')) === true ? scopes : []
  const deny = mayDeny && (await may('deny')) === true
  const cancel = mayCancel && (await may('cancel')) === true
  const lacking = [
    ...(approve.length < scopes.length ? ['create accessrequests/approve'] : []),
    ...(mayDeny && !deny ? ['create accessrequests/deny'] : []),
    ...(mayCancel && !cancel ? ['create accessrequests/cancel'] : []),
  ]
  const rbac = lacking.length === 0 ? '' : `RBAC does not let you ${lacking.join(', ')}`
  const reasons = [why, rbac].filter((reason) => reason !== '')
  return { approve, deny, cancel, reasonRequired, why: reasons.join('; ') }
}
