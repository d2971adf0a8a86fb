import type { AuditEventObject } from '../../api/objects/access-objects.ts'

/** Names that are remembered of decisions whose outcome was shown. */
const DONE_MAX = 10_000

/** What was shown already, so that nothing is shown twice and a log can be taken up where it was left. */
export interface ShownDecisions {
  /** Takes note of a decision; true when it is to be shown. */
  add(event: AuditEventObject): boolean
  /** Latest time of a decision, in Unix milliseconds. */
  newestMs(): number
}

/**
 * With `everyChange` a decision is new without and once more with its outcome; else once. What is
 * open is remembered for as long as it is open; of the others the newest ten thousand.
 */
export function createShownDecisions(everyChange: boolean, startedMs: number): ShownDecisions {
  const open = new Set<string>()
  const done = new Set<string>()
  let newestMs = startedMs
  let seen = false

  return {
    add({ metadata: { name }, spec, status }) {
      const decidedAtMs = Date.parse(spec.decidedAt)
      newestMs = seen ? Math.max(newestMs, decidedAtMs) : decidedAtMs
      seen = true
      if (done.has(name)) return false
      if (status.phase !== 'Complete') {
        if (open.has(name)) return false
        open.add(name)
        return true
      }
      done.add(name)
      if (done.size > DONE_MAX) done.delete(oldestOf(done))
      return !open.delete(name) || everyChange
    },
    newestMs: () => newestMs,
  }
}

function oldestOf(names: Iterable<string>): string {
  for (const name of names) return name
  return ''
}
