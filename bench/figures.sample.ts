import type { Figures } from './figures.ts'

/** Figures that meet every target, for tests of what is made of figures. */
export function sampleFigures(changes: Partial<Figures>): Figures {
  return {
    paths: {
      direct: { p50Ms: 1, p99Ms: 4, rps16: 3_000 },
      envoy: { p50Ms: 1.3, p99Ms: 4.4, rps16: 2_500 },
      'envoy-ext-authz': { p50Ms: 1.75, p99Ms: 4.9, rps16: 1_900 },
      lanyard: { p50Ms: 1.8, p99Ms: 5, rps16: 2_000 },
    },
    decisionsPerSecond: 16_000,
    sidecar: { readyMs: 300, workingSetMiB: 60, privateMiB: 55, rssMiB: 95 },
    webhook: { p50Ms: 6, p99Ms: 12 },
    machine: {
      cpu: 'Some CPU',
      cores: 2,
      memoryGiB: 24,
      kernel: '6.18.0',
      node: 'v24.0.0',
      kubernetes: 'v1.34.4',
      date: '2026-11-23T12:00:00.000Z',
    },
    ...changes,
  }
}
