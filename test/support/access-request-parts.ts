import { type Approvals, createApprovals } from '../../control-plane/approvals/approvals.ts'
import type { NewAccessRequest } from '../../control-plane/store/access-request-store.ts'
import type { Store } from '../../control-plane/store/store.ts'
import type { AccessRequest, HeldRequest, HeldRule } from '../../core/approvals/access-request.ts'
import { canonicalRequest, sha256Hex } from '../../core/approvals/request-digest.ts'
import { aHeldRequest, aHeldRule } from './approval-parts.ts'
import { aRequest } from './policy-builders.ts'
import { AGENT, aBinding, aChain, aDecision, aDecisionId, NOON_MS } from './record-builders.ts'

/** team/agent of alice wants to delete the Deployment web, with this body. */
function aDeletion(body = '{}', parts: Partial<HeldRequest> = {}): HeldRequest {
  const path = '/apis/apps/v1/namespaces/team/deployments/web'
  const apps = { apiGroup: 'apps', resource: 'deployments', name: 'web' }
  return aHeldRequest({
    ...{ cluster: 'cluster-1', chain: aChain([AGENT]), caller: AGENT, container: 'agent' },
    attributes: aRequest({ verb: 'delete', ...apps, path }),
    ...{ method: 'DELETE', target: path, contentType: 'application/json' },
    ...{ bodyBytes: Buffer.byteLength(body), bodySha256: sha256Hex(body) },
    object: { uid: 'uid-of-web', resourceVersion: '41' },
    ...parts,
  })
}

export interface RequestParts {
  readonly body?: string
  readonly held?: Partial<HeldRequest>
  readonly rules?: readonly HeldRule[]
  readonly reason?: string
  /** Unix milliseconds; ten minutes after it was made unless told otherwise. */
  readonly expiresAtMs?: number
}

/** Name of the request with this number: a ULID of that second in lower case. */
export function aRequestId(number: number): string {
  return aDecisionId(number).toLowerCase()
}

/** A request that waits since ten o'clock and so many seconds. */
export function aWaitingRequest(number: number, parts: RequestParts = {}): NewAccessRequest {
  const rules = parts.rules ?? [aHeldRule()]
  const target = `/apis/apps/v1/namespaces/team/deployments/web?number=${number}`
  const held = aDeletion(parts.body, { target, ...parts.held })
  const canonical = canonicalRequest(held, rules)
  const createdAtMs = NOON_MS + number * 1_000
  return {
    ...{ id: aRequestId(number), held, canonical, digest: sha256Hex(canonical), rules },
    ...{ reason: parts.reason ?? '', decisionId: aDecisionId(number), createdAtMs },
    expiresAtMs: parts.expiresAtMs ?? createdAtMs + 600_000,
    ...{ phase: 'Pending', reviews: [] },
  }
}

/** Keeps such a request in a store that knows the pod and the decision. */
export async function openRequest(
  store: Pick<Store, 'accessRequests' | 'auditEvents' | 'bindings'>,
  number: number,
  parts: RequestParts = {},
): Promise<AccessRequest> {
  const request = aWaitingRequest(number, parts)
  const { caller, chain } = request.held
  if ((await store.bindings.find(caller.podUid)) === undefined) {
    await store.bindings.record(aBinding([caller], { chain }))
  }
  await store.auditEvents.append(
    aDecision(number, { caller, chain, effect: 'hold', attributes: request.held.attributes }),
  )
  return store.accessRequests.open(request, Buffer.from(parts.body ?? '{}'), () => undefined)
}

/** The product's approvals over a store; ids of grants count from one, the clock is the test's. */
export function approvalsOf(
  store: Pick<Store, 'accessRequests'>,
  now: () => number = () => NOON_MS + 60_000,
): Approvals {
  let grants = 0
  const newId = () => {
    grants += 1
    return aRequestId(100_000 + grants)
  }
  return createApprovals({ store: store.accessRequests, newId, now })
}
