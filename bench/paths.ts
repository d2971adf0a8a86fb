import { waitFor } from '../test/cluster/control.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { mustRun } from '../test/cluster/run-command.ts'
import type { AuditRows } from './audit-rows.ts'
import { BENCH_NAMESPACE, type BenchPod } from './bench-pods.ts'
import { inNetworkOf, withinSeconds } from './child-process.ts'
import { PATHS, type PathFigures, type PathName } from './figures.ts'
import type { Entrance, Peers } from './peers.ts'
import { median } from './percentile.ts'
import { parseWrkOutput, type WrkResult, wrkCommand } from './wrk.ts'

export interface PathOptions {
  readonly pod: BenchPod
  /** A process in whose network the client runs. */
  readonly containerPid: number
  readonly peers: Peers
  readonly audit: AuditRows
  /** Called before each round. */
  readonly onRound: () => Promise<void>
  readonly rounds: number
  readonly secondsEach: number
  readonly log: Log
}

const WARM_UP_SECONDS = 2
const CONNECTIONS_MANY = 16

/**
 * The same GET of one pod on every path, from the same place with the same tool. The paths take
 * turns within a round, and the median over the rounds is taken, so that whatever else the machine
 * does falls on all of them. Throws when an answer is wrong, or when a decision is not on record.
 */
export async function measurePaths(
  options: PathOptions,
): Promise<Readonly<Record<PathName, PathFigures>>> {
  const { peers, log, rounds, secondsEach } = options
  for (const path of PATHS) await waitForAnswer(path, options)
  await withProgress(log, 'Warming up the paths', async () => {
    await options.onRound()
    for (const path of PATHS) await load(path, CONNECTIONS_MANY, WARM_UP_SECONDS, options)
  })
  const one = await measure('one connection', 1)
  const many = await measure(`${CONNECTIONS_MANY} connections`, CONNECTIONS_MANY)
  return Object.fromEntries(
    PATHS.map((path) => [path, toFigures(one[path], many[path])]),
  ) as Record<PathName, PathFigures>

  async function measure(title: string, connections: number) {
    const results = Object.fromEntries(PATHS.map((path) => [path, [] as WrkResult[]]))
    const seconds = rounds * PATHS.length * secondsEach
    await withProgress(log, `Paths at ${title} (about ${seconds} s)`, async () => {
      for (let round = 0; round < rounds; round += 1) {
        await options.onRound()
        for (const path of PATHS) {
          results[path]?.push(await load(path, connections, secondsEach, options))
          peers.check()
        }
      }
    })
    return results as Record<PathName, WrkResult[]>
  }
}

function toFigures(one: readonly WrkResult[], many: readonly WrkResult[]): PathFigures {
  return {
    p50Ms: median(one.map(({ p50Us }) => p50Us)) / 1_000,
    p99Ms: median(one.map(({ p99Us }) => p99Us)) / 1_000,
    rps16: median(many.map(({ requests, durationUs }) => (requests * 1_000_000) / durationUs)),
  }
}

async function load(
  path: PathName,
  connections: number,
  seconds: number,
  options: PathOptions,
): Promise<WrkResult> {
  const { pod, audit } = options
  const before = audit.decisions(pod.uid)
  const { origin, tokenFile } = options.peers.entrances[path]
  const command = wrkCommand(`${origin}${urlPath(pod)}`, connections, seconds)
  const output = await mustRun(
    inNetworkOf(options.containerPid, withinSeconds(seconds + 20, command)),
    { env: { TOKEN_FILE: tokenFile } },
  )
  const result = parseWrkOutput(output)
  // What was under way when wrk hung up is decided and ends a moment later.
  await waitFor('the outcome of every request', 5_000, () => audit.open(pod.uid) === 0)
  const recorded = audit.decisions(pod.uid) - before
  checkRecords(path, result, recorded, connections)
  return result
}

/** Decided and recorded is each request through the sidecar, and none that went another way. */
function checkRecords(
  path: PathName,
  { requests }: WrkResult,
  recorded: number,
  connections: number,
): void {
  // wrk does not count those that are under way when its time is over.
  const max = path === 'lanyard' ? requests + connections : 0
  const min = path === 'lanyard' ? requests : 0
  if (recorded >= min && recorded <= max) return
  throw new Error(
    `${requests} requests over ${path} put ${recorded} decisions on record, wanted ${min} to ${max}`,
  )
}

/** Throws unless the path answers 200 with this very pod, within some seconds of its start. */
async function waitForAnswer(path: PathName, options: PathOptions): Promise<void> {
  const entrance = options.peers.entrances[path]
  let answer = ''
  await waitFor(`the right answer over ${path}`, 15_000, async () => {
    options.peers.check()
    answer = await get(entrance, options)
    return answer.startsWith('200 ') && answer.includes(`"uid":"${options.pod.uid}"`)
  }).catch((error: unknown) => {
    throw new Error(`The path ${path} does not work: ${answer.slice(0, 500)}`, { cause: error })
  })
}

async function get({ origin, tokenFile }: Entrance, options: PathOptions): Promise<string> {
  const program = `
    curl -sk -H "Authorization: Bearer $(cat "$TOKEN_FILE")" -w '\\n%{http_code}' "$URL" || true`
  const url = `${origin}${urlPath(options.pod)}`
  const output = await mustRun(
    inNetworkOf(options.containerPid, withinSeconds(10, ['sh', '-c', program])),
    { env: { TOKEN_FILE: tokenFile, URL: url } },
  )
  const end = output.lastIndexOf('\n')
  return `${output.slice(end + 1)} ${output.slice(0, end).replaceAll(/"\s*:\s*/g, '":')}`
}

function urlPath({ name }: BenchPod): string {
  return `/api/v1/namespaces/${BENCH_NAMESPACE}/pods/${name}`
}
