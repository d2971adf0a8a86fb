import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { limitOf, type ParsedLimit } from '../../core/policy/access-limit.ts'
import {
  type AccessPolicy,
  type InvalidPolicy,
  policyNames,
} from '../../core/policy/access-policy.ts'
import type { ParsedPolicy } from '../../core/policy/parse-access-policy.ts'

/** AccessPolicies that name a user. */
export interface PoliciesOfUser {
  readonly policies: readonly AccessPolicy[]
  /** Those that cannot be read, as far as their subjects can. */
  readonly invalid: readonly InvalidPolicy[]
  /** Ceilings and narrowings that hold for the user, those that cannot be used too; absent: none. */
  readonly limits?: readonly ParsedLimit[]
}

/** The policies as they are now, and which of them name a user. */
export class KnownPolicies {
  #all: readonly ParsedPolicy[] = []
  #limits: readonly ParsedLimit[] = []
  /** By user object: chains are immutable and cached, so the same users come again and again. */
  #named = new WeakMap<UserInfo, PoliciesOfUser>()

  /** From now on these are all, and no earlier answer is given again. */
  replace(all: readonly ParsedPolicy[]): void {
    this.#all = all
    this.#named = new WeakMap()
  }

  /** As `replace`, for what stands over policies. */
  replaceLimits(limits: readonly ParsedLimit[]): void {
    this.#limits = limits
    this.#named = new WeakMap()
  }

  /** Those whose subjects name a user. */
  of(user: UserInfo): PoliciesOfUser {
    const known = this.#named.get(user)
    if (known !== undefined) return known
    const limits = this.#limits.filter((one) => {
      const { subjects } = limitOf(one)
      return subjects === undefined || policyNames(subjects, user)
    })
    const found = {
      ...(limits.length === 0 ? {} : { limits }),
      policies: this.#all.flatMap((one) =>
        one.ok && policyNames(one.policy.subjects, user) ? [one.policy] : [],
      ),
      invalid: this.#all.flatMap((one) =>
        !one.ok && policyNames(one.invalid.subjects, user) ? [one.invalid] : [],
      ),
    }
    this.#named.set(user, found)
    return found
  }
}
