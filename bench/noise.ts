import { readFile } from 'node:fs/promises'
import { median } from './percentile.ts'

/** Counters of the whole machine from /proc/stat, in ticks of CPU. */
export interface MachineTicks {
  readonly total: number
  /** A virtual machine wanted to run, and its host ran somebody else. */
  readonly stolen: number
  readonly idle: number
}

/** How calm the machine was during a measurement. */
export interface Noise {
  /** Largest share of the CPU that the host gave to others, in one slot of a round; 0 to 1. */
  readonly stolen: number
  /** Largest spread of a path: (max - min) / median over its rounds. */
  readonly spread: number
  /** Of which path that is. */
  readonly widest: string
}

/** More than this is taken from figures that differ by some per cent. */
const STOLEN_MAX = 0.05
/** Rounds that differ by more than half say nothing about a tenth. */
const SPREAD_MAX = 0.5

/** What the kernel has counted so far. */
export async function readMachineTicks(): Promise<MachineTicks> {
  return parseMachineTicks(await readFile('/proc/stat', 'utf8'))
}

/** Reads the first line of /proc/stat. Throws for any other text. */
export function parseMachineTicks(stat: string): MachineTicks {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1]
  const [user, nice, system, idle, iowait, irq, softirq, stolen] = (line ?? '')
    .split(' ')
    .map(Number)
  const parts = [user, nice, system, idle, iowait, irq, softirq, stolen].map(Number)
  const total = parts.reduce((sum, part) => sum + part, 0)
  if (!Number.isFinite(total)) throw new Error('Cannot read /proc/stat')
  return { total, stolen: stolen ?? 0, idle: (idle ?? 0) + (iowait ?? 0) }
}

/** Share of the CPU, 0 to 1, that was stolen between two readings; and that was idle. */
export function sharesBetween(before: MachineTicks, after: MachineTicks) {
  const total = Math.max(1, after.total - before.total)
  return {
    stolen: (after.stolen - before.stolen) / total,
    idle: (after.idle - before.idle) / total,
  }
}

/** (max - min) / median: 0 when all are the same. Throws for an empty list. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values)
}

/** The noise of some paths by their rounds, and of the slots in which they ran. */
export function toNoise(
  paths: Readonly<Record<string, readonly number[]>>,
  stolen: readonly number[],
): Noise {
  const spreads = Object.entries(paths)
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => ({ name, value: spread(values) }))
    .sort((one, other) => other.value - one.value)
  const widest = spreads[0] ?? { name: '', value: 0 }
  return { stolen: Math.max(0, ...stolen), spread: widest.value, widest: widest.name }
}

/** Whether a measurement can be relied on. */
export function isCalm({ stolen, spread: width }: Noise): boolean {
  return stolen <= STOLEN_MAX && width <= SPREAD_MAX
}

/** The noise in words, for whoever waits or reads. */
export function describeNoise({ stolen, spread: width, widest }: Noise): string {
  const percent = (share: number) => `${Math.round(share * 100)} %`
  const steal = `the host took up to ${percent(stolen)} of the CPU`
  return `${steal}; rounds differ by up to ${percent(width)} of their median (${widest})`
}
