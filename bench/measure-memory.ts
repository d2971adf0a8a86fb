import type { KubeConfig } from '@kubernetes/client-node'
import { DEFAULT_AMOUNTS } from '../core/pods/sidecar-resources.ts'
import type { Log } from '../test/cluster/progress.ts'
import { startBareApiServer } from '../test/support/bare-apiserver.ts'
import { findKube } from '../test/support/find-kubernetes.ts'
import type { GreedyCaller } from '../test/support/greedy-callers.ts'
import { startLimitedSidecar } from '../test/support/limited-sidecar.ts'
import { makeAccount } from '../test/support/real-api-pair.ts'
import { LOADS, type Load, prepareLists } from './memory-loads.ts'
import { samplePeaks } from './sample-peaks.ts'

const MEBIBYTE = 1_024 * 1_024
/** The least that the chart lets anybody choose, and what a sidecar has by default. */
const LIMITS = [DEFAULT_AMOUNTS.memoryLimitMin, DEFAULT_AMOUNTS.memoryLimit].map(
  (text) => Number.parseInt(text, 10) * MEBIBYTE,
)

/**
 * Puts each load on a sidecar of its own, before a real kube-apiserver, at each limit; resolves with a table.
 * Throws when Kubernetes has not been built.
 */
export async function measureMemory(log: Log): Promise<string> {
  const kube = findKube()
  if (kube === undefined) {
    throw new Error('Kubernetes is not built yet: npm run cluster -- up, then down, builds it')
  }
  const apiServer = await startBareApiServer(kube)
  try {
    const admin = await apiServer.config('admin', 'system:masters')
    const token = await makeAccount(admin)
    await prepareLists(admin)
    const rows: string[] = []
    for (const limitBytes of LIMITS) {
      for (const load of LOADS) {
        log(`${limitBytes / MEBIBYTE}Mi: ${load.callers} ${load.name}`)
        rows.push(await measureLoad(load, { admin, token, limitBytes, log }))
      }
    }
    return `${[HEAD, ...rows].join('\n')}\n`
  } finally {
    await apiServer.close()
  }
}

const HEAD = [
  '| Limit | Load | Answered | Refused with 429 | Others | Own memory, at most | With sockets, at most | Lives |',
  '|---|---|---|---|---|---|---|---|',
].join('\n')

interface Setting {
  readonly admin: KubeConfig
  readonly token: string
  readonly limitBytes: number
  readonly log: Log
}

async function measureLoad(load: Load, { admin, token, limitBytes, log }: Setting) {
  const { server = '', caData = '' } = admin.getCurrentCluster() ?? {}
  const caPem = Buffer.from(caData, 'base64').toString('utf8')
  const sidecar = await startLimitedSidecar({ limitBytes, url: server, caPem, token })
  const peaks = samplePeaks(sidecar)
  try {
    const callers = await load.run({ sidecar, admin, log })
    const { own, group } = await peaks.stop()
    for (const caller of callers) caller.end()
    const cells = [
      ...[`${limitBytes / MEBIBYTE}Mi`, `${load.callers} ${load.name}`, ...countAnswers(callers)],
      ...[own, group].map((bytes) => `${Math.ceil(bytes / MEBIBYTE)} MiB`),
      sidecar.ended() ?? 'yes',
    ]
    return `| ${cells.join(' | ')} |`
  } finally {
    await sidecar.close()
  }
}

function countAnswers(callers: readonly GreedyCaller[]): readonly string[] {
  const of = (status: number) => callers.filter(({ httpStatus }) => httpStatus === status).length
  const [answered, refused] = [of(200), of(429)]
  return [answered, refused, callers.length - answered - refused].map(String)
}
