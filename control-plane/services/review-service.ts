import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Metadata, ServerWritableStream } from '@grpc/grpc-js'
import type { AccessGrant, AccessRequest } from '../../core/approvals/access-request.ts'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { Logger } from '../../platform/logger.ts'
import { toServiceError } from '../../proto/fault-status.ts'
import type {
  ReviewService,
  WatchAccessRequestsRequest,
  WatchAccessRequestsResponseSchema,
} from '../../proto/gen/lanyard/v1/review_pb.ts'
import type { GrpcHandlers } from '../../proto/grpc-service.ts'
import { checkedReason, DIGEST } from '../approvals/answer-bounds.ts'
import type { Approvals, ReviewOutcome } from '../approvals/approvals.ts'
import { isOpen } from '../approvals/is-open.ts'
import { readOffers } from '../approvals/read-offers.ts'
import { toFault } from '../approvals/to-fault.ts'
import { mayAccess } from '../kubernetes/access-reviewer.ts'
import type { ChangedAccess } from '../store/access-request-store.ts'
import { bearerToken, unary } from './grpc-fault.ts'
import {
  accessAttributes,
  createDisclose,
  createPermit,
  type PermitDeps,
} from './reader-permits.ts'
import { drained, PERMIT_MS } from './reader-service.ts'
import {
  accessGrantToMessage,
  accessRequestToMessage,
  scopeFromMessage,
  scopeToMessage,
} from './review-message.ts'

export interface ReviewServiceDeps extends PermitDeps {
  readonly approvals: Approvals
  readonly logger: Logger
  readonly now: () => number
}

const PAGE_DEFAULT = 100
const PAGE_MAX = 500
const CHANGES_AT_ONCE = 100
const REQUESTS = 'accessrequests'
const GRANTS = 'accessgrants'

/** Requests that are held, for integrations, by the RBAC of the user whose token they show. */
export function createReviewService(deps: ReviewServiceDeps): GrpcHandlers<typeof ReviewService> {
  const { approvals, logger } = deps
  const permit = createPermit(deps)
  const access = createReviewAccess(deps)
  const answered = (outcome: ReviewOutcome) => {
    if (!outcome.ok) throw toFault(outcome)
    return { request: accessRequestToMessage(outcome.request) }
  }
  return {
    getAccessRequest: unary(logger, async ({ id }, metadata) => ({
      request: accessRequestToMessage(await access.request(metadata, id)),
    })),
    getAccessRequestContent: unary(logger, async ({ id }, metadata) => {
      const request = await access.request(metadata, id)
      const user = await access.mayWith(metadata, request, 'get', `${REQUESTS}/content`)
      return {
        request: accessRequestToMessage(request),
        body: approvals.store.body(id) ?? Buffer.alloc(0),
        offers: await access.offers(user, request),
      }
    }),
    listAccessRequests: unary(logger, async (query, metadata) => {
      await permit(metadata, REQUESTS, 'list', query.namespace)
      const revision = BigInt(approvals.store.revision())
      const filter = { ...toFilter(query), pendingOnly: query.pendingOnly }
      const found = approvals.store.list(filter, query.afterId, pageLimit(query.pageSize))
      return { requests: found.map(accessRequestToMessage), revision }
    }),
    watchAccessRequests(call) {
      watchChanges(call, deps, permit).catch((error: unknown) =>
        call.emit('error', toServiceError(Fault.from(error))),
      )
    },
    listAccessGrants: unary(logger, async (query, metadata) => {
      await permit(metadata, GRANTS, 'list', query.namespace)
      const limit = pageLimit(query.pageSize)
      const found = approvals.store.grants(toFilter(query), query.afterId, limit)
      return {
        grants: found.filter(isOpen).map(accessGrantToMessage),
        continueAfterId: found.length === limit ? (found.at(-1)?.id ?? '') : '',
      }
    }),
    approveAccessRequest: unary(logger, async ({ id, digest, scope, reason }, metadata) => {
      const request = await access.request(metadata, id)
      const by = await access.mayWith(metadata, request, 'create', `${REQUESTS}/approve`)
      const answer = { by, digest: checkedDigest(digest), reason: checkedReason(reason) }
      return answered(await approvals.approve(id, { ...answer, scope: scopeFromMessage(scope) }))
    }),
    denyAccessRequest: unary(logger, async ({ id, digest, reason }, metadata) => {
      const request = await access.request(metadata, id)
      const by = await access.mayWith(metadata, request, 'create', `${REQUESTS}/deny`)
      const answer = { by, digest: checkedDigest(digest), reason: checkedReason(reason) }
      return answered(await approvals.deny(id, answer))
    }),
    cancelAccessRequest: unary(logger, async ({ id, reason }, metadata) => {
      const request = await access.request(metadata, id)
      const by = await access.mayWith(metadata, request, 'create', `${REQUESTS}/cancel`)
      return answered(await approvals.cancel(id, { by, reason: checkedReason(reason) }))
    }),
    revokeAccessGrant: unary(logger, async ({ id, reason }, metadata) => {
      const grant = await access.grant(metadata, id)
      const place = { id, namespace: grant.namespace }
      const by = await access.may(metadata, place, 'delete', GRANTS)
      const outcome = await approvals.revoke(id, { by, reason: checkedReason(reason) })
      if (!outcome.ok) throw toFault(outcome)
      return { grant: accessGrantToMessage(outcome.grant) }
    }),
  }
}

interface AskedFor {
  readonly id: string
  readonly namespace: string
}

/** Who may see and answer which request; what nobody may see is as if there were none. */
function createReviewAccess(deps: ReviewServiceDeps) {
  const { approvals, access, reviewToken } = deps
  const disclose = createDisclose(deps)
  const authorize = (user: UserInfo, attributes: RequestAttributes) =>
    mayAccess(access, user, attributes)

  async function may(
    metadata: Metadata,
    { id, namespace }: AskedFor,
    verb: string,
    resource: string,
  ): Promise<UserInfo> {
    const user = await reviewToken(bearerToken(metadata))
    if (await authorize(user, accessAttributes(resource, verb, namespace, id))) return user
    throw new Fault(
      'permission_denied',
      `${user.username} may not ${verb} ${resource} in the namespace ${namespace}`,
    )
  }

  return {
    may,
    mayWith: (metadata: Metadata, { id, held }: AccessRequest, verb: string, resource: string) =>
      may(metadata, { id, namespace: held.caller.namespace }, verb, resource),
    request: (metadata: Metadata, id: string): Promise<AccessRequest> =>
      disclose(metadata, REQUESTS, async () => {
        const found = approvals.store.get(id)
        return found === undefined ? undefined : { found, namespace: found.held.caller.namespace }
      }),
    grant: (metadata: Metadata, id: string): Promise<AccessGrant> =>
      disclose(metadata, GRANTS, async () => {
        const found = approvals.store.grant(id)
        return found === undefined ? undefined : { found, namespace: found.namespace }
      }),
    async offers(user: UserInfo, request: AccessRequest) {
      const { namespace } = request.held.caller
      const attributes = accessAttributes(REQUESTS, 'create', namespace, request.id)
      const offers = await readOffers({ approvals, authorize }, request, user, attributes)
      return { ...offers, approve: offers.approve.map(scopeToMessage) }
    },
  }
}

type WatchRequestsCall = ServerWritableStream<
  WatchAccessRequestsRequest,
  MessageInitShape<typeof WatchAccessRequestsResponseSchema>
>

/** Sends what changes, as fast as the reader takes it and while they may read it. */
async function watchChanges(
  call: WatchRequestsCall,
  { approvals, now }: ReviewServiceDeps,
  permit: ReturnType<typeof createPermit>,
): Promise<void> {
  const { store } = approvals
  const { namespace, afterRevision } = call.request
  async function mayWatch(): Promise<void> {
    for (const resource of [REQUESTS, GRANTS]) {
      await permit(call.metadata, resource, 'watch', namespace)
    }
  }
  await mayWatch()
  let permittedAtMs = now()
  let revision = afterRevision === 0n ? store.revision() : Number(afterRevision)
  let wake = (): void => {}
  const stop = store.onChange(() => wake())
  call.once('cancelled', () => wake())
  try {
    while (!call.cancelled) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve
      })
      const found = store.changesAfter(revision, CHANGES_AT_ONCE)
      if (found === undefined) {
        throw new Fault(
          'not_found',
          'Changes after this revision are not known any more: list again',
        )
      }
      if (found.length > 0 && now() - permittedAtMs >= PERMIT_MS) {
        await mayWatch()
        permittedAtMs = now()
      }
      for (const change of found) {
        const message = changeToMessage(change, namespace)
        if (message !== undefined && !call.write(message)) await drained(call)
      }
      revision = found.at(-1)?.revision ?? revision
      if (found.length < CHANGES_AT_ONCE && !call.cancelled) await changed
    }
  } finally {
    stop()
  }
}

function changeToMessage(
  change: ChangedAccess,
  namespace: string,
): MessageInitShape<typeof WatchAccessRequestsResponseSchema> | undefined {
  // What was removed after its time had come to its end before.
  if (change.gone === true) return undefined
  const revision = BigInt(change.revision)
  const isHere = (own: string) => namespace === '' || namespace === own
  if (change.kind === 'grant') {
    const { grant } = change
    if (!isHere(grant.namespace)) return undefined
    return { revision, changed: { case: 'grant', value: accessGrantToMessage(grant) } }
  }
  const { request } = change
  if (!isHere(request.held.caller.namespace)) return undefined
  return { revision, changed: { case: 'request', value: accessRequestToMessage(request) } }
}

function toFilter(query: { readonly namespace: string; readonly rootRequester: string }) {
  return {
    ...(query.namespace === '' ? {} : { namespace: query.namespace }),
    ...(query.rootRequester === '' ? {} : { rootRequester: query.rootRequester }),
  }
}

function pageLimit(pageSize: number): number {
  return pageSize === 0 ? PAGE_DEFAULT : Math.min(pageSize, PAGE_MAX)
}

function checkedDigest(digest: string): string {
  if (DIGEST.test(digest)) return digest
  throw new Fault('request_invalid', 'The digest is that of the request which the person has read')
}
