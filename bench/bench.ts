import type { Cluster } from '../test/cluster/cluster.ts'
import type { Log } from '../test/cluster/progress.ts'
import type { Kubectl } from '../test/demo/kubectl.ts'
import type { AuditRows } from './audit-rows.ts'
import type { BenchPeople, BenchPod } from './bench-pods.ts'
import type { PartName } from './figures.ts'
import type { Programs } from './programs.ts'

/** How a run is asked for. */
export interface BenchOptions {
  /** Rounds in which the paths take turns. */
  readonly rounds: number
  /** Of each path in a round. */
  readonly secondsEach: number
  /** Only these parts; undefined measures all. */
  readonly only: readonly PartName[] | undefined
  readonly log: Log
}

/** What the parts of a run work on. */
export interface Bench {
  readonly cluster: Cluster
  readonly programs: Programs
  readonly people: BenchPeople
  /** One for the paths, one that no load has met, and one whose weight nobody changes. */
  readonly pods: readonly [BenchPlace, BenchPlace, BenchPlace]
  readonly audit: AuditRows
  readonly controlPlanePid: number
  readonly options: BenchOptions
}

/** An injected pod and its processes. */
export interface BenchPlace {
  readonly pod: BenchPod
  readonly admin: Kubectl
  readonly sidecarPid: number
  readonly containerPid: number
}
