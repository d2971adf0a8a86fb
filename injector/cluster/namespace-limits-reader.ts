import type { LimitRangeItem, NamespaceLimits } from '../../core/pods/namespace-limits.ts'

/** Reads an object of the API server's; undefined when there is none. */
export type ReadObject = (path: string) => Promise<unknown>

/**
 * How long an answer is used again: a rollout makes many pods at the same time, and whoever changes a limit
 * makes the next pod a moment later.
 */
const KEPT_MS = 1_000

interface Kept {
  readonly until: number
  readonly limits: Promise<NamespaceLimits>
}

/** What each namespace asks for, read again when the last answer is older than a second. */
export class NamespaceLimitsReader {
  readonly #read: ReadObject
  readonly #now: () => number
  #kept: ReadonlyMap<string, Kept> = new Map()

  /** `now` in milliseconds. */
  constructor(read: ReadObject, now: () => number) {
    this.#read = read
    this.#now = now
  }

  /** Throws what `read` throws, such as `upstream_unavailable`. */
  async limitsOf(namespace: string): Promise<NamespaceLimits> {
    const now = this.#now()
    const kept = this.#kept.get(namespace)
    if (kept !== undefined && kept.until > now) return kept.limits
    const limits = this.#readAll(namespace)
    const fresh = [...this.#kept].filter(([, { until }]) => until > now)
    this.#kept = new Map([...fresh, [namespace, { until: now + KEPT_MS, limits }]])
    return limits
  }

  async #readAll(name: string): Promise<NamespaceLimits> {
    const path = `/api/v1/namespaces/${encodeURIComponent(name)}`
    const [namespace, limitRanges, quotas] = await Promise.all([
      this.#read(path) as Promise<AnnotatedNamespace | undefined>,
      this.#read(`${path}/limitranges`) as Promise<List<LimitRange> | undefined>,
      this.#read(`${path}/resourcequotas`) as Promise<List<Quota> | undefined>,
    ])
    return {
      annotations: namespace?.metadata?.annotations ?? {},
      limitRanges: (limitRanges?.items ?? []).flatMap(({ spec }) => spec?.limits ?? []),
      quotas: (quotas?.items ?? []).flatMap(({ spec }) => Object.keys(spec?.hard ?? {})),
    }
  }
}

interface AnnotatedNamespace {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }
}
interface List<Item> {
  readonly items?: readonly Item[]
}
interface LimitRange {
  readonly spec?: { readonly limits?: readonly LimitRangeItem[] }
}
interface Quota {
  readonly spec?: { readonly hard?: Readonly<Record<string, unknown>> }
}
