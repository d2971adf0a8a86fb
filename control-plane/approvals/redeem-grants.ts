import type { AccessGrant, AccessRequest } from '../../core/approvals/access-request.ts'
import { grantKey } from '../../core/approvals/request-digest.ts'
import { isAlive, isUsable } from '../../core/approvals/request-life.ts'
import type { Question } from '../../core/authorization/question.ts'
import type { Hold } from '../../core/policy/decision.ts'
import type { TargetReader } from '../kubernetes/target-reader.ts'
import type { AccessRequestStore } from '../store/access-request-store.ts'
import type { NewAuditEvent } from '../store/audit-event-store.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import { digestOf, readObject, toHeldRequest } from './held-request.ts'

/** By which grants a decision that holds may become an allow. */
export interface Grants {
  /**
   * The grant that lets this request pass by all that is known now; undefined when none does. It is not used yet.
   * Throws `permission_denied` and `decision_unavailable` where it cannot be told which object the request is about.
   */
  find(binding: PodBinding, question: Question, hold: Hold): Promise<AccessGrant | undefined>
  /** Puts an allow on record and uses the grant, or does nothing and says false. Throws `audit_unavailable`. */
  use(grantId: string, event: NewAuditEvent): Promise<boolean>
  /** Whether a request that a grant has let pass may stay open. */
  stillCovers(binding: PodBinding, grantId: string, hold: Hold): boolean
}

export interface GrantsDeps {
  readonly store: Pick<AccessRequestStore, 'get' | 'grant' | 'findGrants' | 'use'>
  readonly readTarget: TargetReader
  readonly now: () => number
}

/** Finds and uses grants; everything about a request is compared again with what was approved. */
export function createGrants({ store, readTarget, now }: GrantsDeps): Grants {
  /** Whether the very request that was approved is the one that is asked for. */
  async function isSame(
    request: AccessRequest,
    binding: PodBinding,
    question: Question,
    hold: Hold,
  ): Promise<boolean> {
    const object = await readObject(question.attributes, readTarget)
    const held = toHeldRequest(binding, question, request.held, object)
    return held !== undefined && digestOf(held, hold.held).digest === request.digest
  }

  return {
    async find(binding, question, hold) {
      const ruleKey = ruleKeyOf(binding, hold)
      const { approval } = question
      const ofBytes =
        approval === undefined
          ? []
          : store.findGrants([
              { scope: 'request', key: approval.digest },
              { scope: 'command', key: approval.digest },
            ])
      for (const grant of ofBytes) {
        const request = store.get(grant.requestId)
        if (request === undefined || !isUsable(grant, now())) continue
        if (await isSame(request, binding, question, hold)) return grant
      }
      const ofRule = store.findGrants([{ scope: 'rule', key: ruleKey }])
      return ofRule.find((grant) => isUsable(grant, now()))
    },
    use: (grantId, event) => store.use(grantId, event, now()),
    stillCovers(binding, grantId, hold) {
      const grant = store.grant(grantId)
      const request = grant === undefined ? undefined : store.get(grant.requestId)
      if (grant === undefined || request === undefined || !isAlive(grant, now())) return false
      return grantKey('rule', '', request.held, request.rules) === ruleKeyOf(binding, hold)
    },
  }
}

/** Of the chain as it is now, and of the rules as they are now: a grant for others is of no use. */
function ruleKeyOf({ chain, cluster }: PodBinding, { held }: Hold): string {
  return grantKey('rule', '', { chain, cluster: cluster.id }, held)
}
