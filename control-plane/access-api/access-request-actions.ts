import type { IncomingMessage } from 'node:http'
import { ACCESS_GRANTS, ACCESS_REQUESTS } from '../../api/objects/access-request-object.ts'
import type { AccessRequest } from '../../core/approvals/access-request.ts'
import { escapeJson } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { RequestInfo } from '../../core/kubernetes/request-info.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { Approvals } from '../approvals/approvals.ts'
import { isOpen } from '../approvals/is-open.ts'
import { readOffers } from '../approvals/read-offers.ts'
import { toFault } from '../approvals/to-fault.ts'
import {
  toAccessGrantObject,
  toAccessRequestObject,
  toContentObject,
} from './access-request-object.ts'
import {
  parseApprove,
  parseCancel,
  parseDelete,
  parseDeny,
  parseQueryReason,
  refuseDryRun,
} from './answer-body.ts'
import { readBody } from './read-body.ts'
import {
  jsonResponse,
  methodNotAllowedStatus,
  objectNotFoundStatus,
  pathNotFoundStatus,
  statusResponse,
} from './status-response.ts'

export interface AccessRequestActionsDeps {
  readonly approvals: Approvals
  /** Whether a user may make a request of this API, by the cluster's authorizer. */
  readonly authorize: (user: UserInfo, attributes: RequestAttributes) => Promise<boolean>
}

/** One request about one AccessRequest or AccessGrant, after it was authenticated and authorized. */
export interface AnswerRequest {
  readonly requestInfo: Pick<RequestInfo, 'attributes' | 'query'>
  readonly user: UserInfo
  readonly incoming: IncomingMessage
}

const SUBRESOURCES = ['content', 'approve', 'deny', 'cancel']

/** What people do with requests and grants besides reading their objects. Who may is RBAC's, and then `Approvals`'. */
export class AccessRequestActions {
  readonly #deps: AccessRequestActionsDeps

  constructor(deps: AccessRequestActionsDeps) {
    this.#deps = deps
  }

  /** Whether a request is one of them. */
  static serves({ resource, subresource, verb }: RequestAttributes): boolean {
    if (resource === ACCESS_REQUESTS) return subresource !== ''
    return resource === ACCESS_GRANTS && (subresource !== '' || verb === 'delete')
  }

  /** Answers. Throws `request_invalid`, `permission_denied`, `binding_conflict` and what the store throws. */
  async handle(request: AnswerRequest): Promise<Response> {
    const { attributes, query } = request.requestInfo
    refuseDryRun(query.some(([key]) => key === 'dryRun'))
    if (attributes.resource === ACCESS_GRANTS) return this.#handleGrant(request)
    const { subresource, verb, namespace, name } = attributes
    if (!SUBRESOURCES.includes(subresource)) return statusResponse(pathNotFoundStatus())
    const found = this.#deps.approvals.store.get(name)
    if (found?.held.caller.namespace !== namespace) {
      return statusResponse(objectNotFoundStatus(attributes))
    }
    switch (`${verb} ${subresource}`) {
      case 'get content':
        return this.#content(found, request)
      case 'create approve':
        return this.#approve(found, request)
      case 'create deny':
        return this.#deny(found, request)
      case 'create cancel':
        return this.#cancel(found, request)
      default:
        return statusResponse(methodNotAllowedStatus())
    }
  }

  async #handleGrant({ requestInfo, user, incoming }: AnswerRequest): Promise<Response> {
    const { attributes, query } = requestInfo
    if (attributes.subresource !== '') return statusResponse(pathNotFoundStatus())
    const { approvals } = this.#deps
    const found = approvals.store.grant(attributes.name)
    if (found?.namespace !== attributes.namespace || !isOpen(found)) {
      return statusResponse(objectNotFoundStatus(attributes))
    }
    const { uid, resourceVersion } = parseDelete(await readBody(incoming))
    const { metadata } = toAccessGrantObject(found)
    const isMeant =
      (uid ?? metadata.uid) === metadata.uid &&
      (resourceVersion ?? metadata.resourceVersion) === metadata.resourceVersion
    if (!isMeant) {
      throw new Fault('binding_conflict', 'The grant is not the one of the preconditions')
    }
    const outcome = await approvals.revoke(found.id, { by: user, reason: parseQueryReason(query) })
    if (!outcome.ok) throw toFault(outcome)
    return jsonResponse(toAccessGrantObject(outcome.grant))
  }

  async #content(found: AccessRequest, { requestInfo, user }: AnswerRequest): Promise<Response> {
    const body = this.#deps.approvals.store.body(found.id) ?? Buffer.alloc(0)
    const offers = await readOffers(this.#deps, found, user, requestInfo.attributes)
    // The texts stay what they are, and a terminal gets none of what it would obey.
    const json = escapeJson(JSON.stringify(toContentObject(found, body, offers)))
    return new Response(`${json}\n`, {
      headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' },
    })
  }

  async #approve({ id }: AccessRequest, { user, incoming }: AnswerRequest): Promise<Response> {
    const answer = parseApprove(await readBody(incoming))
    return this.#answered(await this.#deps.approvals.approve(id, { by: user, ...answer }))
  }

  async #deny({ id }: AccessRequest, { user, incoming }: AnswerRequest): Promise<Response> {
    const answer = parseDeny(await readBody(incoming))
    return this.#answered(await this.#deps.approvals.deny(id, { by: user, ...answer }))
  }

  async #cancel({ id }: AccessRequest, { user, incoming }: AnswerRequest): Promise<Response> {
    const reason = parseCancel(await readBody(incoming))
    return this.#answered(await this.#deps.approvals.cancel(id, { by: user, reason }))
  }

  #answered(outcome: Awaited<ReturnType<Approvals['approve']>>): Response {
    if (!outcome.ok) throw toFault(outcome)
    return jsonResponse(toAccessRequestObject(outcome.request), { status: 201 })
  }
}
