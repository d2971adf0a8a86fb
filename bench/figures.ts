import type { CpuMs } from './cpu-time.ts'
import type { Noise } from './noise.ts'

/** Ways to the API server that are compared, nearest first. */
export const PATHS = [
  'direct',
  'envoy',
  'envoy-ext-authz',
  'envoy-ext-authz-recorded',
  'lanyard',
] as const
export type PathName = (typeof PATHS)[number]

/** Those that also create: one that does the same work as ours, and both ends of the scale. */
export const CREATE_PATHS = [
  'direct',
  'envoy-ext-authz-recorded',
  'lanyard',
] as const satisfies readonly PathName[]

/** One path under one load: medians over the rounds. */
export interface LoadFigures {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly requestsPerSecond: number
  /** (max - min) / median over the rounds: of the p50 at one connection, of requests/s at more. */
  readonly spread: number
  /** Milliseconds of CPU a request by process. */
  readonly cpuMs: CpuMs
}

/** The same load on several paths in turns. */
export interface LoadedPaths {
  readonly paths: Readonly<Partial<Record<PathName, LoadFigures>>>
  readonly noise: Noise
  readonly calm: boolean
}

export interface MemoryFigures {
  readonly workingSetMiB: number
  readonly privateMiB: number
  readonly rssMiB: number
}

/** The same on the direct path and through the sidecar. */
export interface Pair {
  readonly direct: number
  readonly lanyard: number
}

/** The same measured in turns. */
export interface TurnPair extends Pair {
  /** False when the machine was too busy to tell. */
  readonly calm: boolean
}

/** Paths over which sessions are compared. */
export const SESSION_PATHS = ['direct', 'envoy', 'lanyard'] as const satisfies readonly PathName[]
export type SessionPath = (typeof SESSION_PATHS)[number]

/** The same session on each path, measured in turns, recorded by Lanyard. */
export interface SessionFigures extends TurnPair {
  readonly envoy: number
}

export interface MachineDescription {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly kubernetes: string
  /** Share of the CPU, 0 to 1, that was idle before anything was measured. */
  readonly idle: number
  /** When it was measured, ISO 8601. */
  readonly date: string
}

/** What one run measures, each part by itself. */
export interface Parts {
  /** A GET of one pod at one connection. */
  readonly one: LoadedPaths
  /** The same at sixteen. */
  readonly many: LoadedPaths
  /** Creation of ConfigMaps at one connection. */
  readonly create: LoadedPaths
  readonly memory: { readonly atRest: MemoryFigures; readonly afterLoad: MemoryFigures }
  /** Milliseconds from a keystroke to its echo in an exec. */
  readonly echo: SessionFigures
  /** Megabytes (10^6 bytes) a second of a file that is copied out of a pod, and how many it has. */
  readonly copy: SessionFigures & { readonly megabytes: number }
  readonly readyMs: number
  /** A list of many pods: milliseconds, and by how much the sidecar's working set grew at most. */
  readonly list: {
    readonly pods: number
    readonly megabytes: number
    readonly ms: TurnPair
    readonly growthMiB: number
  }
  readonly watches: {
    readonly count: number
    readonly workingSetMiB: number
    readonly eventsPerSecond: Pair
  }
  readonly decisionsPerSecond: number
  /** Mutate and validate of one pod after the other. */
  readonly webhook: { readonly p50Ms: number; readonly p99Ms: number }
  /** Webhook calls of many pods at the same time, and as many pods created through kube-apiserver. */
  readonly burst: {
    readonly pods: number
    readonly p50Ms: number
    readonly p99Ms: number
    readonly refused: number
    readonly createdPerSecond: number
    /** As kube-apiserver's histogram tells it, its own waiting for the CPU included. */
    readonly apiServerP99Ms: number
  }
  /** Milliseconds of `kubectl get pod`, a process each. */
  readonly kubectlMs: TurnPair
  /** p99 of a GET at one connection in milliseconds, while other pods burn CPU. */
  readonly crowdedP99Ms: TurnPair
}

/** Names of the parts, in the order in which they are measured. */
export const PART_NAMES = [
  ...(['readyMs', 'crowdedP99Ms', 'one', 'many', 'create', 'echo', 'copy'] as const),
  ...(['memory', 'kubectlMs'] as const),
  ...(['watches', 'webhook', 'burst', 'list', 'decisionsPerSecond'] as const),
] as const satisfies readonly (keyof Parts)[]
export type PartName = keyof Parts

/** Everything of one run, in the shape that `--json` writes. What failed is missing and says why. */
export interface Figures {
  readonly parts: Partial<Parts>
  readonly failures: Readonly<Partial<Record<PartName, string>>>
  readonly machine: MachineDescription
}
