import type { AuthorizationV1Api, V1SubjectAccessReviewSpec } from '@kubernetes/client-node'
import { userKey } from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import { judgedVerbs, type RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { textKey } from '../../core/text-key.ts'
import type { Logger } from '../../platform/logger.ts'
import { FairQueue } from '../fairness/fair-queue.ts'
import type { Share } from '../fairness/fair-turns.ts'
import { inTime } from './in-time.ts'
import { reviewKey } from './review-key.ts'

export type Access = 'allowed' | 'denied' | 'unknown'

export interface AccessReviewer {
  /**
   * What the cluster's authorizer says of a user and every judged verb; `unknown` without an answer.
   * Throws `overloaded` when too many questions wait of whoever asks.
   */
  review(user: UserInfo, attributes: RequestAttributes, asker: Share): Promise<Access>
  /** What is known without waiting, if anything. */
  peek(user: UserInfo, attributes: RequestAttributes): Access | undefined
  /** Drops every answer: rights have changed. */
  forget(): void
}

export interface AccessReviewerOptions {
  /** Life of an answer: for authorizers other than RBAC, whose changes nobody tells. */
  readonly ttlMs: number
  /** Whether changes of RBAC are being seen; while they are not, no answer is kept. */
  readonly isWatching: () => boolean
  readonly now: () => number
  readonly logger: Logger
}

/**
 * kube-apiserver's authorizer learns of a change by a watch of its own, maybe after us: what it says
 * so soon after a change may still be the old answer, so it is used but not kept.
 */
export const AUTHORIZER_LAG_MS = 1_000

/** Sidecars wait five seconds for a decision; what comes later is of no use to anyone. */
const REVIEW_MS_MAX = 4_000

/**
 * kube-apiserver answers a review in a few milliseconds, so a few at the same time keep it busy; more would only
 * wait there, before those of others. What one root requester may have at the same time leaves room for all.
 */
const QUEUE_LIMITS = {
  atOnceMax: 32,
  atOncePerRootMax: 8,
  waitingMax: 4_096,
  waitingPerRootMax: 512,
  waitingPerPodMax: 128,
}

/** Answers kept at most: some megabytes. */
const ANSWERS_MAX = 20_000

interface CachedReview {
  readonly access: Access
  readonly expiresAtMs: number
}

/** SubjectAccessReviews with a short memory; questions asked at the same time share one review. */
export function createAccessReviewer(
  api: ReviewApi,
  options: AccessReviewerOptions,
): AccessReviewer {
  return new RememberedReviews(api, options)
}

type ReviewApi = Pick<AuthorizationV1Api, 'createSubjectAccessReview'>

class RememberedReviews implements AccessReviewer {
  readonly #api: ReviewApi
  readonly #options: AccessReviewerOptions
  readonly #answers = new Map<string, CachedReview>()
  /** Questions of each pod, and those that kube-apiserver has been asked. */
  readonly #waiting = new Map<string, Promise<Access>>()
  readonly #underWay = new Map<string, Promise<Access>>()
  readonly #queue = new FairQueue('reviews of access', QUEUE_LIMITS)
  /** An answer that was asked for before a change must not be kept after it. */
  #generation = 0
  #changedAtMs = -Infinity

  constructor(api: ReviewApi, options: AccessReviewerOptions) {
    this.#api = api
    this.#options = options
  }

  peek(user: UserInfo, attributes: RequestAttributes): Access | undefined {
    return this.#known(reviewKey(user, attributes))
  }

  #known(key: string): Access | undefined {
    const answer = this.#answers.get(key)
    if (answer === undefined || !this.#options.isWatching()) return undefined
    return answer.expiresAtMs > this.#options.now() ? answer.access : undefined
  }

  async review(user: UserInfo, attributes: RequestAttributes, asker: Share): Promise<Access> {
    const key = reviewKey(user, attributes)
    const remembered = this.#known(key)
    if (remembered !== undefined) return remembered
    const shared = textKey([String(this.#generation), key])
    const own = textKey([shared, asker.root, asker.pod])
    // What only waits yet is shared within a pod: nobody waits in the row of another's flood.
    const awaited = this.#underWay.get(shared) ?? this.#waiting.get(own)
    if (awaited !== undefined) return awaited
    const began = this.#generation
    const settled = this.#options.now() - this.#changedAtMs >= AUTHORIZER_LAG_MS
    const givenUpAtMs = performance.now() + REVIEW_MS_MAX

    const askAndKeep = async (): Promise<Access> => {
      const access = await this.#ask(user, attributes, givenUpAtMs)
      const current = settled && began === this.#generation && this.#options.isWatching()
      if (access !== 'unknown' && current) this.#keep(key, access)
      return access
    }

    const asked = this.#queue.run(asker, async () => {
      // Another pod may have had its turn with the same question meanwhile.
      const sooner = this.#known(key) ?? this.#underWay.get(shared)
      if (sooner !== undefined) return sooner
      const asking = askAndKeep().finally(() => this.#underWay.delete(shared))
      this.#underWay.set(shared, asking)
      return asking
    })
    this.#waiting.set(own, asked)
    try {
      return await asked
    } finally {
      this.#waiting.delete(own)
    }
  }

  #keep(key: string, access: Access): void {
    // The oldest goes first: a Map keeps the order of insertion.
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size < ANSWERS_MAX) break
      this.#answers.delete(oldest)
    }
    this.#answers.set(key, { access, expiresAtMs: this.#options.now() + this.#options.ttlMs })
  }

  async #ask(user: UserInfo, attributes: RequestAttributes, givenUpAtMs: number): Promise<Access> {
    const leftMs = givenUpAtMs - performance.now()
    // Whoever asked waits no longer.
    if (leftMs <= 0) return 'unknown'
    try {
      const verbs = judgedVerbs(attributes)
      const reviews = verbs.map((verb) =>
        this.#api.createSubjectAccessReview({ body: { spec: toSpec(user, attributes, verb) } }),
      )
      const results = await inTime(Promise.all(reviews), leftMs, 'review of access')
      return results.every(({ status }) => status?.allowed === true) ? 'allowed' : 'denied'
    } catch (error) {
      this.#options.logger.warn({ error }, 'kube-apiserver did not review access')
      return 'unknown'
    }
  }

  forget(): void {
    this.#generation += 1
    this.#changedAtMs = this.#options.now()
    this.#answers.clear()
  }
}

/**
 * Whether a reader may make a request. Throws `decision_unavailable` without an answer, so that nobody
 * is told that they may not because kube-apiserver is busy.
 */
export async function mayAccess(
  access: AccessReviewer,
  user: UserInfo,
  attributes: RequestAttributes,
): Promise<boolean> {
  const answer = await access.review(user, attributes, { root: userKey(user), pod: '' })
  if (answer === 'unknown') {
    throw new Fault('decision_unavailable', 'kube-apiserver did not review access')
  }
  return answer === 'allowed'
}

function toSpec(
  user: UserInfo,
  attributes: RequestAttributes,
  verb: string,
): V1SubjectAccessReviewSpec {
  const { apiGroup, apiVersion, resource, subresource, namespace, name, path } = attributes
  const extra = Object.entries(user.extra).map(([key, values]) => [key, [...values]])
  const who = {
    user: user.username,
    uid: user.uid,
    groups: [...user.groups],
    extra: Object.fromEntries(extra) as Record<string, string[]>,
  }
  if (!attributes.resourceRequest) return { ...who, nonResourceAttributes: { path, verb } }
  const what = {
    group: apiGroup,
    version: apiVersion,
    resource,
    subresource,
    namespace,
    name,
    verb,
  }
  return { ...who, resourceAttributes: what }
}
