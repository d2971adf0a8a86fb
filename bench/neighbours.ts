import { cpus } from 'node:os'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import type { AuditRows } from './audit-rows.ts'
import type { BenchPlace } from './bench.ts'
import { type BenchPeople, burningPod, PLAIN_NAMESPACE } from './bench-pods.ts'
import type { Pair, Parts } from './figures.ts'
import { type LoadResult, runLoad } from './path-load.ts'
import { ownEntrances } from './peers.ts'
import { median } from './percentile.ts'
import { measureInTurns } from './turns.ts'

const ROUNDS = 3
const SECONDS_EACH = 5

/**
 * p99 of a GET at one connection, directly and through the sidecar, while as many pods as there are cores burn all the
 * CPU that they get. The sidecar's own request is the chart's 10m, without a limit; its weight must not have been
 * changed. The client and kube-apiserver are no pods, and have the weight of ordinary processes.
 */
export async function measureCrowded(
  people: BenchPeople,
  place: BenchPlace & { readonly audit: AuditRows },
  log: Log,
): Promise<Parts['crowdedP99Ms']> {
  const { admin, requester } = people
  const names = cpus().map((_, index) => `burning-${index}`)
  const items = names.map((name) => burningPod(PLAIN_NAMESPACE, name))
  const where = ['-n', PLAIN_NAMESPACE]
  const pods = names.map((name) => `pod/${name}`)
  await requester.must(
    ['create', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  )
  try {
    await admin.must(['wait', ...where, '--for=condition=Ready', '--timeout=60s', ...pods])
    const load = {
      ...{ pod: place.pod, admin, audit: place.audit, containerPid: place.containerPid },
      ...{ peerRows: undefined, entrances: ownEntrances(place) },
      processes: { direct: {}, lanyard: {} },
    }
    const shape = { what: 'get', connections: 1, seconds: SECONDS_EACH } as const
    const title = `A GET while ${names.length} neighbours burn CPU`
    const { results, calm } = await withProgress(log, title, () =>
      measureInTurns({
        ...{ names: ['direct', 'lanyard'] as const, rounds: ROUNDS, log },
        measure: (name: keyof Pair) => runLoad(name, shape, load),
        figure: ({ p50Us }: LoadResult) => p50Us,
      }),
    )
    const p99Ms = (name: keyof Pair) => median(results[name].map(({ p99Us }) => p99Us)) / 1_000
    return { direct: p99Ms('direct'), lanyard: p99Ms('lanyard'), calm }
  } finally {
    await admin.must(['delete', ...where, '--grace-period=1', '--wait=true', ...pods])
  }
}
