/** Ways to the API server that are compared, nearest first. */
export const PATHS = ['direct', 'envoy', 'envoy-ext-authz', 'lanyard'] as const
export type PathName = (typeof PATHS)[number]

export interface PathFigures {
  /** At one connection. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Requests a second at 16 connections. */
  readonly rps16: number
}

export interface MachineDescription {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly kubernetes: string
  /** When it was measured, ISO 8601. */
  readonly date: string
}

/** Everything that one run measures, in the shape that `--json` writes. */
export interface Figures {
  readonly paths: Readonly<Record<PathName, PathFigures>>
  readonly decisionsPerSecond: number
  readonly sidecar: {
    readonly readyMs: number
    readonly workingSetMiB: number
    readonly privateMiB: number
    readonly rssMiB: number
  }
  readonly webhook: { readonly p50Ms: number; readonly p99Ms: number }
  readonly machine: MachineDescription
}
