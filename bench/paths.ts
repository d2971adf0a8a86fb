import { waitFor } from '../test/cluster/control.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { mustRun } from '../test/cluster/run-command.ts'
import { inNetworkOf, withinSeconds } from './child-process.ts'
import type { CpuMs } from './cpu-time.ts'
import { type LoadedPaths, type LoadFigures, PATHS, type PathName } from './figures.ts'
import { spread } from './noise.ts'
import { type LoadPlace, type LoadResult, type LoadShape, podPath, runLoad } from './path-load.ts'
import type { Entrance } from './peers.ts'
import { median } from './percentile.ts'
import { measureInTurns } from './turns.ts'

export interface PathOptions {
  readonly place: LoadPlace
  /** Throws when a peer has ended. */
  readonly check: () => void
  /** Called before each round. */
  readonly onRound: () => Promise<void>
  readonly rounds: number
  readonly secondsEach: number
  readonly log: Log
}

const WARM_UP_SECONDS = 2
const CONNECTIONS_MANY = 16

/** Throws unless each path answers 200 with this very pod; and warms all of them up. */
export async function warmUpPaths(options: PathOptions): Promise<void> {
  for (const path of PATHS) await waitForAnswer(path, options)
  await withProgress(options.log, 'Warming up the paths', async () => {
    await options.onRound()
    const shape = { what: 'get', connections: CONNECTIONS_MANY, seconds: WARM_UP_SECONDS } as const
    for (const path of PATHS) await runLoad(path, shape, options.place)
  })
}

/**
 * The same requests on each path, from the same place with the same tool, in turns: medians over the rounds. A
 * path that did not bear the same load as the others in every round is left out.
 */
export async function measurePaths(
  title: string,
  paths: readonly PathName[],
  load: Pick<LoadShape, 'what' | 'connections'>,
  options: PathOptions,
): Promise<LoadedPaths> {
  const { rounds, secondsEach, log, onRound, place } = options
  const shape = { ...load, seconds: secondsEach }
  const figure = load.connections === 1 ? ({ p50Us }: LoadResult) => p50Us : requestsPerSecond
  const about = rounds * paths.length * secondsEach
  const { results, noise, calm } = await withProgress(log, `${title} (about ${about} s)`, () =>
    measureInTurns({
      ...{ names: paths, rounds, figure, onRound, log },
      async measure(path: PathName) {
        const result = await runLoad(path, shape, place)
        options.check()
        return result
      },
    }),
  )
  const loaded = paths
    .filter((path) => boreTheLoad(results[path], rounds, secondsEach))
    .map((path) => [path, toFigures(results[path], figure)] as const)
  return { paths: Object.fromEntries(loaded), noise, calm }
}

/** As many rounds as the others, each as long as it was meant to be. */
export function boreTheLoad(
  results: readonly Pick<LoadResult, 'durationUs'>[],
  rounds: number,
  seconds: number,
): boolean {
  const meantUs = seconds * 1_000_000
  const isWhole = ({ durationUs }: Pick<LoadResult, 'durationUs'>) =>
    durationUs > 0.9 * meantUs && durationUs < 1.25 * meantUs
  return results.length === rounds && results.every(isWhole)
}

function toFigures(
  results: readonly LoadResult[],
  figure: (result: LoadResult) => number,
): LoadFigures {
  return {
    p50Ms: median(results.map(({ p50Us }) => p50Us)) / 1_000,
    p99Ms: median(results.map(({ p99Us }) => p99Us)) / 1_000,
    requestsPerSecond: median(results.map(requestsPerSecond)),
    spread: spread(results.map(figure)),
    cpuMs: medianCpu(results.map(({ cpuMs }) => cpuMs)),
  }
}

function medianCpu(all: readonly CpuMs[]): CpuMs {
  const names = Object.keys(all[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(all.map((one) => one[name] ?? 0))]))
}

function requestsPerSecond({ requests, durationUs }: LoadResult): number {
  return (requests * 1_000_000) / durationUs
}

/** Throws unless the path answers 200 with this very pod, within some seconds of its start. */
async function waitForAnswer(path: PathName, { place, check }: PathOptions): Promise<void> {
  let answer = ''
  await waitFor(`the right answer over ${path}`, 15_000, async () => {
    check()
    answer = await get(place.entrances[path], place)
    return answer.startsWith('200 ') && answer.includes(`"uid":"${place.pod.uid}"`)
  }).catch((error: unknown) => {
    throw new Error(`The path ${path} does not work: ${answer.slice(0, 500)}`, { cause: error })
  })
}

async function get(
  { origin, tokenFile }: Entrance,
  { pod, containerPid }: Pick<LoadPlace, 'pod' | 'containerPid'>,
): Promise<string> {
  const program = `
    curl -sk -H "Authorization: Bearer $(cat "$TOKEN_FILE")" -w '\\n%{http_code}' "$URL" || true`
  const output = await mustRun(
    inNetworkOf(containerPid, withinSeconds(10, ['sh', '-c', program])),
    { env: { TOKEN_FILE: tokenFile, URL: `${origin}${podPath(pod)}` } },
  )
  const end = output.lastIndexOf('\n')
  return `${output.slice(end + 1)} ${output.slice(0, end).replaceAll(/"\s*:\s*/g, '":')}`
}
