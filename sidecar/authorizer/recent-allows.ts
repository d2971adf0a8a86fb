import type { Question } from '../../core/authorization/question.ts'
import { textKey } from '../../core/text-key.ts'
import type { Clock } from '../../platform/clock.ts'

/**
 * How long after it was last allowed a question may be foreseen. Programs that read the same again do so within
 * seconds. What nobody tells of, a change of an authorizer other than RBAC, the control plane does not notice sooner
 * either: it keeps the answers of such a one for ten seconds.
 */
const RECENT_MS = 10_000
/** Questions that are remembered, the newest: some hundred bytes each. */
const KEPT_MAX = 256

/** Questions that were lately allowed. */
export class RecentAllows {
  readonly #clock: Clock
  /** When, those that were allowed first standing first. */
  readonly #atMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether the same question was allowed within the last ten seconds, and not forgotten since. */
  has(question: Question): boolean {
    const atMs = this.#atMs.get(keyOf(question))
    return atMs !== undefined && this.#clock.monotonicMs() - atMs < RECENT_MS
  }

  /** The question was allowed just now. */
  add(question: Question): void {
    const key = keyOf(question)
    this.#atMs.delete(key)
    this.#atMs.set(key, this.#clock.monotonicMs())
    const [oldest] = this.#atMs.keys()
    if (this.#atMs.size > KEPT_MAX && oldest !== undefined) this.#atMs.delete(oldest)
  }

  forget(question: Question): void {
    if (this.#atMs.size > 0) this.#atMs.delete(keyOf(question))
  }

  forgetAll(): void {
    this.#atMs.clear()
  }
}

/** All that is judged of a plain read, and the container that asks. */
function keyOf({ container, attributes }: Question): string {
  const { verb, apiGroup, apiVersion, resource, subresource, namespace, name, path } = attributes
  return textKey([
    ...[container, verb, apiGroup, apiVersion, resource, subresource, namespace, name, path],
  ])
}
