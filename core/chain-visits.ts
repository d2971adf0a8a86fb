/** How a person outside a pod reached into it while it ran. */
export type VisitKind = 'exec' | 'attach' | 'portforward' | 'ephemeralcontainers' | 'image'

/** Somebody who reached into a running pod with a credential of their own, and may have acted in it. */
export interface Visitor {
  readonly username: string
  /** Each kind once, in the order of arrival. */
  readonly kinds: readonly VisitKind[]
  readonly firstAtMs: number
  readonly lastAtMs: number
  readonly visits: number
  /** Whether they are a co-requester of the pod from then on. */
  readonly joined: boolean
}

/** Who reached into a pod. */
export interface Visits {
  readonly visitors: readonly Visitor[]
  /** Visits of those who are no longer named, since others came. */
  readonly omitted: number
}

export const NO_VISITS: Visits = { visitors: [], omitted: 0 }

/**
 * Visitors that are named of one pod. Of more, those in the middle are left out and their visits are
 * counted: whoever fills the list hides neither those who came before nor those who come after.
 */
export const VISITORS_MAX = 32
const KEPT_FIRST = VISITORS_MAX / 2
/** Longer than any user name that an authenticator gives, so that a record stays small. */
const USERNAME_MAX = 256

export interface Visit {
  readonly username: string
  readonly kind: VisitKind
  readonly atMs: number
  readonly joined: boolean
}

/** The visits with one more. Names longer than 256 characters are cut. */
export function withVisit({ visitors, omitted }: Visits, visit: Visit): Visits {
  const username = visit.username.slice(0, USERNAME_MAX)
  const known = visitors.find((one) => one.username === username)
  if (known !== undefined) {
    const next: Visitor = {
      ...known,
      kinds: known.kinds.includes(visit.kind) ? known.kinds : [...known.kinds, visit.kind],
      lastAtMs: Math.max(known.lastAtMs, visit.atMs),
      visits: known.visits + 1,
      joined: known.joined || visit.joined,
    }
    return { visitors: visitors.map((one) => (one === known ? next : one)), omitted }
  }
  const { kind, atMs, joined } = visit
  const newest = { username, kinds: [kind], firstAtMs: atMs, lastAtMs: atMs, visits: 1, joined }
  const all = [...visitors, newest]
  if (all.length <= VISITORS_MAX) return { visitors: all, omitted }
  const left = all[KEPT_FIRST]?.visits ?? 0
  return { visitors: all.filter((_, index) => index !== KEPT_FIRST), omitted: omitted + left }
}
