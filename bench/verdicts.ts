import type { Figures, LoadedPaths, Pair, Parts, PathName } from './figures.ts'

/** One row of the table of targets, and how the figure stands to it. */
export interface Verdict {
  readonly figure: string
  /** Undefined when it was not measured. */
  readonly measured: number | undefined
  readonly unit: string
  /** A larger figure is better. */
  readonly atLeast: boolean
  readonly must: number
  /** Undefined when no more than `must` is wanted. */
  readonly aim: number | undefined
  readonly state: 'aim met' | 'met' | 'missed' | 'not measured'
}

/** Megabytes of 10^6 bytes, as the targets are worded; the kernel counts in MiB. */
const MB_PER_MIB = 1.048576

/** A row without its verdict. */
interface Target {
  readonly figure: string
  readonly unit: string
  readonly must: number
  readonly aim?: number
  readonly atLeast?: true
  /** Only asked for parts that were measured. */
  readonly of: (parts: Partial<Parts>) => number | undefined
}

const PATH_TARGETS: readonly Target[] = [
  {
    figure: 'added p50 of a GET ÷ what the recorded peer adds',
    ...{ unit: '×', must: 1, aim: 0.6 },
    of: ({ one }) => addedRatio(one, 'envoy-ext-authz-recorded'),
  },
  {
    figure: 'added p50 of a GET ÷ what the no-op peer adds',
    ...{ unit: '×', must: 1.5, aim: 1 },
    of: ({ one }) => addedRatio(one, 'envoy-ext-authz'),
  },
  {
    figure: 'added p50 of a POST ÷ what the recorded peer adds',
    ...{ unit: '×', must: 1.2, aim: 0.9 },
    of: ({ create }) => addedRatio(create, 'envoy-ext-authz-recorded'),
  },
  {
    figure: 'requests/s at 16 connections ÷ direct',
    ...{ unit: '×', must: 0.55, aim: 0.65, atLeast: true },
    of: ({ many }) =>
      ratio(many?.paths.lanyard?.requestsPerSecond, many?.paths.direct?.requestsPerSecond),
  },
  {
    figure: "added p50 of an exec's echo, recorded ÷ what Envoy's relay adds",
    ...{ unit: '×', must: 1.5 },
    of: ({ echo }) => echo && ratio(echo.lanyard - echo.direct, echo.envoy - echo.direct),
  },
  {
    figure: 'a copy out of a pod, recorded ÷ direct, bytes/s',
    ...{ unit: '×', must: 0.5, atLeast: true },
    of: ({ copy }) => ofPair(copy),
  },
  {
    figure: 'CPU a request, sidecar',
    ...{ unit: 'ms', must: 0.28, aim: 0.2 },
    of: ({ many }) => many?.paths.lanyard?.cpuMs['sidecar'],
  },
  {
    figure: 'CPU a request, control plane',
    ...{ unit: 'ms', must: 0.12, aim: 0.08 },
    of: ({ many }) => many?.paths.lanyard?.cpuMs['control plane'],
  },
]

const POD_TARGETS: readonly Target[] = [
  {
    figure: 'sidecar working set after load',
    ...{ unit: 'MB', must: 55, aim: 45 },
    of: ({ memory }) => megabytes(memory?.afterLoad.workingSetMiB),
  },
  {
    figure: 'sidecar working set at rest',
    ...{ unit: 'MB', must: 45, aim: 38 },
    of: ({ memory }) => megabytes(memory?.atRest.workingSetMiB),
  },
  {
    figure: 'sidecar ready after its start',
    ...{ unit: 'ms', must: 150, aim: 100 },
    of: ({ readyMs }) => readyMs,
  },
  {
    figure: 'a list of 10,000 pods ÷ direct, time',
    ...{ unit: '×', must: 1.15 },
    of: ({ list }) => ofPair(list?.ms),
  },
  {
    figure: 'a list of 10,000 pods, growth of memory',
    ...{ unit: 'MB', must: 10 },
    of: ({ list }) => megabytes(list?.growthMiB),
  },
  {
    figure: '500 open watches in one pod, working set',
    ...{ unit: 'MB', must: 60 },
    of: ({ watches }) => megabytes(watches?.workingSetMiB),
  },
  {
    figure: '500 open watches in one pod, events/s ÷ direct',
    ...{ unit: '×', must: 0.8, atLeast: true },
    of: ({ watches }) => ofPair(watches?.eventsPerSecond),
  },
]

const CLUSTER_TARGETS: readonly Target[] = [
  {
    figure: 'durable decisions of one control plane on one core',
    ...{ unit: '/s', must: 30_000, aim: 50_000, atLeast: true },
    of: ({ decisionsPerSecond }) => decisionsPerSecond,
  },
  {
    figure: '2,000 pods admitted in one burst, refused',
    ...{ unit: 'pods', must: 0 },
    of: ({ burst }) => burst?.refused,
  },
  {
    figure: '2,000 pods admitted in one burst, webhook p99',
    ...{ unit: 'ms', must: 100, aim: 30 },
    of: ({ burst }) => burst?.p99Ms,
  },
]

/** Every target with its verdict, in the order of the table. */
export function judge({ parts }: Pick<Figures, 'parts'>): readonly Verdict[] {
  return [...PATH_TARGETS, ...POD_TARGETS, ...CLUSTER_TARGETS].map((target) => {
    const { figure, unit, must, aim, atLeast = false, of } = target
    const measured = of(parts)
    const state = stateOf(measured, must, aim, atLeast)
    return { figure, measured, unit, atLeast, must, aim, state }
  })
}

function stateOf(
  measured: number | undefined,
  must: number,
  aim: number | undefined,
  atLeast: boolean,
): Verdict['state'] {
  if (measured === undefined) return 'not measured'
  const keeps = (bound: number) => (atLeast ? measured >= bound : measured <= bound)
  if (!keeps(must)) return 'missed'
  return aim !== undefined && keeps(aim) ? 'aim met' : 'met'
}

/** Milliseconds of the median that a path costs beyond the direct one; undefined if either is not known. */
export function addedMs(loaded: LoadedPaths | undefined, path: PathName): number | undefined {
  const [own, direct] = [loaded?.paths[path]?.p50Ms, loaded?.paths.direct?.p50Ms]
  return own === undefined || direct === undefined ? undefined : own - direct
}

function addedRatio(loaded: LoadedPaths | undefined, peer: PathName): number | undefined {
  return ratio(addedMs(loaded, 'lanyard'), addedMs(loaded, peer))
}

/** A peer that adds nothing, or less, was not measured: no ratio to it could be kept. */
function ratio(own: number | undefined, other: number | undefined): number | undefined {
  if (own === undefined || other === undefined) return undefined
  return other > 0 ? own / other : Number.POSITIVE_INFINITY
}

function ofPair(pair: Pair | undefined): number | undefined {
  return ratio(pair?.lanyard, pair?.direct)
}

/** Megabytes (10^6 bytes) of so many MiB (2^20 bytes). */
export function toMegabytes(mebibytes: number): number {
  return mebibytes * MB_PER_MIB
}

/** The same of what may not have been measured. */
function megabytes(mebibytes: number | undefined): number | undefined {
  return mebibytes === undefined ? undefined : toMegabytes(mebibytes)
}
