import type { KnownDifference } from './known-differences.ts'

/** How a spec ended, in Ginkgo's words: `passed`, `failed`, `timedout`, `panicked`, `interrupted`, `aborted`. */
export type SpecState = string

export interface SpecOutcome {
  readonly state: SpecState
  readonly seconds: number
  /** The failure's message; empty where the spec passed. */
  readonly message: string
}

/** What was run, by the specs' whole names. */
export type Outcomes = ReadonlyMap<string, SpecOutcome>

export interface Difference {
  readonly spec: string
  /** What the suite said through the sidecar. */
  readonly message: string
  /** Why this is known and meant; absent for a difference that is neither. */
  readonly reason?: string
}

export interface Comparison {
  readonly kubernetes: string
  /** Specs that ran directly, or through the sidecar, or both. */
  readonly ran: number
  readonly passedBoth: number
  /** Passed directly, and did not pass through the sidecar. */
  readonly differences: readonly Difference[]
  /** Did not pass directly, whatever they did through the sidecar: no matter of Lanyard. */
  readonly failedDirectly: readonly string[]
  /** On the list of known differences, and passed in both ways. */
  readonly noLonger: readonly string[]
  /** Failed through the sidecar at first, and passed there at the second attempt. */
  readonly passedAgain: readonly string[]
}

/**
 * Compares a direct run with one through the sidecar. A spec that is missing from one of them did not pass
 * there: a run that was cut short hides nothing.
 */
export function compareRuns(runs: {
  readonly kubernetes: string
  readonly direct: Outcomes
  readonly sidecar: Outcomes
  /** A second attempt through the sidecar at what differed. */
  readonly again?: Outcomes
  readonly known: readonly KnownDifference[]
}): Comparison {
  const { kubernetes, direct, sidecar, again = new Map(), known } = runs
  const reasons = new Map(known.map(({ spec, reason }) => [spec, reason]))
  const specs = [...new Set([...direct.keys(), ...sidecar.keys()])].sort()
  const failedDirectly = specs.filter((spec) => !hasPassed(direct, spec))
  const comparable = specs.filter((spec) => hasPassed(direct, spec))
  const differing = comparable.filter((spec) => !hasPassed(sidecar, spec))
  const passedAgain = differing.filter((spec) => hasPassed(again, spec))
  const differences = differing
    .filter((spec) => !hasPassed(again, spec))
    .map((spec): Difference => {
      const message = sidecar.get(spec)?.message ?? 'it did not run through the sidecar'
      const reason = reasons.get(spec)
      return reason === undefined ? { spec, message } : { spec, message, reason }
    })
  return {
    kubernetes,
    ran: specs.length,
    passedBoth: comparable.length - differences.length,
    differences,
    failedDirectly,
    noLonger: known
      .map(({ spec }) => spec)
      .filter((spec) => hasPassed(direct, spec) && hasPassed(sidecar, spec)),
    passedAgain,
  }
}

/** Specs that passed directly and not through the sidecar: what a second attempt is made at. */
export function differingSpecs(direct: Outcomes, sidecar: Outcomes): readonly string[] {
  return [...direct.keys()].filter((spec) => hasPassed(direct, spec) && !hasPassed(sidecar, spec))
}

/** Whether the two runs differ in nothing but what is known, and at least one spec could be compared. */
export function isAsExpected({ differences, passedBoth }: Comparison): boolean {
  const unknown = differences.filter(({ reason }) => reason === undefined)
  return unknown.length === 0 && passedBoth > 0
}

function hasPassed(outcomes: Outcomes, spec: string): boolean {
  return outcomes.get(spec)?.state === 'passed'
}
