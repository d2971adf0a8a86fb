import { type ApprovalsDeps, createApprovals } from '../../control-plane/approvals/approvals.ts'
import type { NewAccessRequest } from '../../control-plane/store/access-request-store.ts'
import type {
  AccessGrant,
  AccessRequest,
  HeldRequest,
  HeldRule,
} from '../../core/approvals/access-request.ts'
import type { Approval } from '../../core/approvals/approval.ts'
import { canonicalRequest, sha256Hex } from '../../core/approvals/request-digest.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { aRequest } from './policy-builders.ts'

/** When requests of these builders are made, Unix milliseconds. */
export const HELD_AT_MS = Date.UTC(2026, 10, 28)

/** A person, in no group unless told otherwise. */
export function aPerson(username: string, parts: Partial<UserInfo> = {}): UserInfo {
  return { username, uid: '', groups: ['system:authenticated'], extra: {}, ...parts }
}

/** One approval of the group oncall, for a quarter of an hour. */
export function anApproval(parts: Partial<Approval> = {}): Approval {
  return {
    approvers: [{ kind: 'Group', name: 'oncall' }],
    ...{ self: false, minimum: 1, requireReason: false, widestScope: 'rule' },
    ...{ durationMs: 900_000, waitMs: 30_000, answerWithinMs: 3_600_000 },
    ruleDigest: sha256Hex('the rule'),
    ...parts,
  }
}

/** A rule of alice's that holds a request. */
export function aHeldRule(parts: Partial<Approval> = {}, name = 'agents/careful'): HeldRule {
  return { name, principal: 'alice', approval: anApproval(parts) }
}

/** `delete deployment checkout` in team, by the pod of alice's agent. */
export function aHeldRequest(parts: Partial<HeldRequest> = {}): HeldRequest {
  const caller = {
    ...{ podUid: 'pod-1', namespace: 'team', name: 'agent', serviceAccount: 'agent' },
    via: [],
  }
  const path = '/apis/apps/v1/namespaces/team/deployments/checkout'
  return {
    ...{ cluster: 'cluster', caller, container: 'main', method: 'DELETE', target: path },
    chain: { rootRequester: aPerson('alice'), coRequesters: [], actors: [caller] },
    attributes: aRequest({
      ...{ verb: 'delete', apiGroup: 'apps', resource: 'deployments', name: 'checkout', path },
    }),
    ...{ contentType: '', bodyBytes: 0, bodySha256: sha256Hex('') },
    object: { uid: 'uid-1', resourceVersion: '1' },
    ...parts,
  }
}

/** A pending request, its digest by the rules of the product. */
export function aNewRequest(parts: Partial<NewAccessRequest> = {}): NewAccessRequest {
  const held = parts.held ?? aHeldRequest()
  const rules = parts.rules ?? [aHeldRule()]
  const canonical = canonicalRequest(held, rules)
  return {
    ...{ id: '01kb0000000000000000000000', held, rules, canonical, digest: sha256Hex(canonical) },
    ...{ reason: '', decisionId: '01KB0000000000000000000000', createdAtMs: HELD_AT_MS },
    ...{ expiresAtMs: HELD_AT_MS + 3_600_000, phase: 'Pending', reviews: [] },
    ...parts,
  }
}

/** As `aNewRequest`, with a revision. */
export function anAccessRequest(parts: Partial<AccessRequest> = {}): AccessRequest {
  return { ...aNewRequest(parts), revision: 1, ...parts }
}

/** An active grant of the scope `request`. */
export function aGrant(parts: Partial<AccessGrant> = {}): AccessGrant {
  return {
    ...{ id: '01kb0000000000000000000001', requestId: '01kb0000000000000000000000' },
    ...{ scope: 'request', namespace: 'team', pod: 'agent', rootRequester: 'alice' },
    ...{ rules: ['agents/careful'], approvedBy: ['oscar'], breakGlass: false },
    ...{ createdAtMs: HELD_AT_MS, expiresAtMs: HELD_AT_MS + 900_000, usesMax: 1, uses: 0 },
    ...{ phase: 'Active', revision: 2 },
    ...parts,
  }
}

let ids = 0

/** Approvals over a store, with a clock that is moved by hand and ids that count. */
export function startApprovalsAt({ store }: Pick<ApprovalsDeps, 'store'>, atMs = HELD_AT_MS) {
  const clock = { nowMs: atMs }
  const newId = () => {
    ids += 1
    return `01kc${String(ids).padStart(22, '0')}`
  }
  return { clock, newId, approvals: createApprovals({ store, newId, now: () => clock.nowMs }) }
}
