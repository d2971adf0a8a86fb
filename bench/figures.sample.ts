import type { Figures, LoadedPaths, LoadFigures, Parts, PathName } from './figures.ts'

const PEER_CPU = { envoy: 0.1, ext_authz: 0.05, 'kube-apiserver': 0.6 }
const OWN_CPU = { sidecar: 0.19, 'control plane': 0.07, 'kube-apiserver': 0.6 }

function load(p50Ms: number, requestsPerSecond: number, cpuMs: LoadFigures['cpuMs']): LoadFigures {
  return { p50Ms, p99Ms: p50Ms + 3, requestsPerSecond, spread: 0.1, cpuMs }
}

/** The same load on every path, in a calm machine. */
export function sampleLoad(changes: LoadedPaths['paths'] = {}): LoadedPaths {
  const paths: Readonly<Record<PathName, LoadFigures>> = {
    direct: load(1, 3_000, { 'kube-apiserver': 0.6 }),
    envoy: load(1.3, 2_500, { envoy: 0.1, 'kube-apiserver': 0.6 }),
    'envoy-ext-authz': load(1.75, 1_900, PEER_CPU),
    'envoy-ext-authz-recorded': load(2.4, 1_700, PEER_CPU),
    lanyard: load(1.7, 2_000, OWN_CPU),
  }
  const noise = { stolen: 0.01, spread: 0.1, widest: 'envoy' }
  return { paths: { ...paths, ...changes }, noise, calm: true }
}

const memory = { workingSetMiB: 35, privateMiB: 33, rssMiB: 90 }

const PARTS: Parts = {
  one: sampleLoad(),
  many: sampleLoad(),
  create: sampleLoad(),
  memory: { atRest: memory, afterLoad: { ...memory, workingSetMiB: 40 } },
  echo: { direct: 1.2, envoy: 1.3, lanyard: 1.32, calm: true },
  copy: { direct: 100, envoy: 80, lanyard: 70, calm: true, megabytes: 50.3 },
  readyMs: 90,
  list: {
    pods: 10_000,
    megabytes: 24,
    ms: { direct: 500, lanyard: 550, calm: true },
    growthMiB: 5,
  },
  watches: {
    count: 500,
    workingSetMiB: 50,
    eventsPerSecond: { direct: 10_000, lanyard: 9_000 },
  },
  decisionsPerSecond: 51_000,
  webhook: { p50Ms: 6, p99Ms: 12 },
  burst: {
    ...{ pods: 2_000, p50Ms: 11, p99Ms: 25, refused: 0 },
    ...{ createdPerSecond: 250, apiServerP99Ms: 80 },
  },
  kubectlMs: { direct: 90, lanyard: 95, calm: true },
  crowdedP99Ms: { direct: 9, lanyard: 14, calm: true },
}

/** Figures that meet every aim, for tests of what is made of figures. */
export function sampleFigures(changes: Partial<Parts> = {}): Figures {
  return {
    parts: { ...PARTS, ...changes },
    failures: {},
    machine: {
      cpu: 'Some CPU',
      cores: 2,
      memoryGiB: 24,
      kernel: '6.18.0',
      node: 'v24.0.0',
      kubernetes: 'v1.34.4',
      idle: 0.97,
      date: '2026-11-23T12:00:00.000Z',
    },
  }
}
