import type { Figures } from './figures.ts'

/** One target, and how the figure stands to it. */
export interface Verdict {
  readonly target: string
  readonly measured: number
  /** Bound that `measured` must keep. */
  readonly limit: number
  readonly unit: string
  readonly met: boolean
}

const ADDED_RATIO_MAX = 1.2
const THROUGHPUT_RATIO_MIN = 0.6
const DECISIONS_MIN = 15_000
const READY_MS_MAX = 400
/** Megabytes of 10^6 bytes, as the target is worded; the kernel counts in MiB. */
const MEMORY_MB_MAX = 100
const MB_PER_MIB = 1.048576
const WEBHOOK_P99_MS_MAX = 30

/** Every target with its verdict, met or missed. */
export function judge(figures: Figures): readonly Verdict[] {
  const { paths, sidecar, webhook, decisionsPerSecond } = figures
  const peer = addedMs(figures, 'envoy-ext-authz')
  // A peer that adds nothing, or less, was not measured: no ratio to it could be kept.
  const ratio = peer > 0 ? addedMs(figures, 'lanyard') / peer : Number.POSITIVE_INFINITY
  return [
    atMost('added p50, one connection, to what envoy-ext-authz adds', ratio, ADDED_RATIO_MAX, '×'),
    atLeast(
      'requests/s at 16 connections, to direct',
      paths.lanyard.rps16 / paths.direct.rps16,
      THROUGHPUT_RATIO_MIN,
      '×',
    ),
    atLeast('durable decisions on one core', decisionsPerSecond, DECISIONS_MIN, '/s'),
    atMost('sidecar ready after its start', sidecar.readyMs, READY_MS_MAX, 'ms'),
    memory('sidecar working set after load', sidecar.workingSetMiB),
    memory('sidecar private memory after load', sidecar.privateMiB),
    memory('sidecar RSS after load', sidecar.rssMiB),
    below('webhooks, mutate and validate, p99', webhook.p99Ms, WEBHOOK_P99_MS_MAX, 'ms'),
  ]
}

/** Milliseconds of the median that a path costs beyond the direct one. */
export function addedMs({ paths }: Pick<Figures, 'paths'>, path: keyof Figures['paths']): number {
  return paths[path].p50Ms - paths.direct.p50Ms
}

/** Megabytes (10^6 bytes) of so many MiB (2^20 bytes). */
export function toMegabytes(mebibytes: number): number {
  return mebibytes * MB_PER_MIB
}

function memory(target: string, mebibytes: number): Verdict {
  return atMost(target, toMegabytes(mebibytes), MEMORY_MB_MAX, 'MB')
}

function atMost(target: string, measured: number, limit: number, unit: string): Verdict {
  return { target: `${target} ≤ ${limit} ${unit}`, measured, limit, unit, met: measured <= limit }
}

function below(target: string, measured: number, limit: number, unit: string): Verdict {
  return { target: `${target} < ${limit} ${unit}`, measured, limit, unit, met: measured < limit }
}

function atLeast(target: string, measured: number, limit: number, unit: string): Verdict {
  return { target: `${target} ≥ ${limit} ${unit}`, measured, limit, unit, met: measured >= limit }
}
