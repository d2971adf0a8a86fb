import type { RefusalSummary } from '../../core/audit/audit-event.ts'
import { textKey } from '../../core/text-key.ts'
import type { Share } from '../fairness/fair-turns.ts'
import { TokenBuckets } from '../fairness/token-buckets.ts'
import type { AuditEventStore, NewAuditEvent } from '../store/audit-event-store.ts'

/**
 * Refusals of a pod that have a record each: what a person who tries things makes, and one a second
 * afterwards, which is some 90 MB a day. What is beyond is counted in one record of its kind.
 */
const POD_RECORDS = { burst: 60, perSecond: 1 }
/** Of all pods of one root requester. */
const ROOT_RECORDS = { burst: 300, perSecond: 5 }
/** Counts are written this often while more come; whoever is refused waits for it. */
const FLUSH_MS = 200
/** A record sums up for so long; then a new one begins. */
const SUMMARY_MS_MAX = 10 * 60_000
const SAMPLES_MAX = 8
const SAMPLE_CHARACTERS_MAX = 256

interface OpenSummary {
  readonly id: string
  readonly firstAtMs: number
  readonly samples: string[]
  /** How many of them are on record. */
  told: number
  /** Settles when the record itself is on disk. */
  recorded: Promise<void> | undefined
  count: number
  lastAtMs: number
  /** The write that what comes now is part of. */
  flush: Promise<void> | undefined
}

/** Where a refusal goes on record. */
export interface RefusalPlace {
  /** Id of the record: the refusal's own, or of the one that sums up its kind. */
  readonly id: string
  /** Resolves once the refusal is on disk, or counted there. Throws `audit_unavailable`. */
  record(event: NewAuditEvent): Promise<void>
}

/**
 * Puts refusals on record, none lost: one record each within the share of a pod and of its root
 * requester, and beyond it one record for each pod, reason and verb, which says how many, of what, and
 * from when to when. A refused caller is answered once his refusal is counted on disk.
 */
export class RefusalLedger {
  readonly #ofPods = new TokenBuckets(POD_RECORDS)
  readonly #ofRoots = new TokenBuckets(ROOT_RECORDS)
  readonly #open = new Map<string, OpenSummary>()
  readonly #store: Pick<AuditEventStore, 'append' | 'sum'>

  constructor(store: Pick<AuditEventStore, 'append' | 'sum'>) {
    this.#store = store
  }

  /** `id` is used when the refusal begins a record. */
  place(share: Share, reason: string, verb: string, id: string, nowMs: number): RefusalPlace {
    if (this.#ofPods.has(share.pod, nowMs) && this.#ofRoots.has(share.root, nowMs)) {
      this.#ofPods.take(share.pod, nowMs)
      this.#ofRoots.take(share.root, nowMs)
      return { id, record: (event) => this.#store.append(event) }
    }
    this.#forgetOld(nowMs)
    const key = textKey([share.pod, reason, verb])
    let summary = this.#open.get(key)
    if (summary === undefined) {
      summary = {
        id,
        firstAtMs: nowMs,
        samples: [],
        ...{ told: 0, count: 0 },
        lastAtMs: nowMs,
        ...NOTHING_YET,
      }
      this.#open.set(key, summary)
    }
    const open = summary
    return { id: open.id, record: (event) => this.#count(key, open, event) }
  }

  async #count(key: string, summary: OpenSummary, event: NewAuditEvent): Promise<void> {
    const { verb, path } = event.attributes
    const sample = `${verb} ${path}`.slice(0, SAMPLE_CHARACTERS_MAX)
    if (summary.samples.length < SAMPLES_MAX && !summary.samples.includes(sample)) {
      summary.samples.push(sample)
    }
    summary.count += 1
    summary.lastAtMs = Math.max(summary.lastAtMs, event.decidedAtMs)
    if (summary.recorded === undefined) {
      const first = { ...event, id: summary.id, summary: takeSummary(summary) }
      summary.recorded = this.#store.append(first)
      // Nothing can be counted in a record that is not there; the next refusal begins another.
      summary.recorded.catch(() => this.#forget(key, summary))
      return summary.recorded
    }
    await summary.recorded
    summary.flush ??= this.#flushLater(summary, event.caller.podUid)
    return summary.flush
  }

  async #flushLater(summary: OpenSummary, podUid: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, FLUSH_MS))
    summary.flush = undefined
    const toldBefore = summary.told
    try {
      await this.#store.sum(podUid, summary.id, takeSummary(summary))
    } catch (error) {
      // Cleans up: the next count tells the samples that this one could not.
      summary.told = toldBefore
      throw error
    }
  }

  #forget(key: string, summary: OpenSummary): void {
    if (this.#open.get(key) === summary) this.#open.delete(key)
  }

  /** The oldest stand first. One whose write is under way is written all the same. */
  #forgetOld(nowMs: number): void {
    for (const [key, { firstAtMs }] of this.#open) {
      if (nowMs - firstAtMs < SUMMARY_MS_MAX) return
      this.#open.delete(key)
    }
  }
}

const NOTHING_YET = { recorded: undefined, flush: undefined } as const

/** What is to be recorded now: of the samples those that are not on record yet. */
function takeSummary(summary: OpenSummary): RefusalSummary {
  const { count, lastAtMs, samples, told } = summary
  summary.told = samples.length
  return { count, lastAtMs, samples: samples.slice(told) }
}
