import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { z } from 'zod'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { endingWithUs } from '../test/cluster/run-command.ts'
import type { BenchPlace } from './bench.ts'
import { BENCH_NAMESPACE } from './bench-pods.ts'
import { inNetworkOf, withinSeconds } from './child-process.ts'
import type { Parts } from './figures.ts'
import { samplePeak } from './peak.ts'
import { type Entrance, ownEntrances } from './peers.ts'
import { type watchLoadOptions, watchLoadResult } from './watch-load.ts'

const WATCHES = 500
const EVENTS = 200
/** Enough for the writer not to be waited for, and few enough for kube-apiserver to drop no watch. */
const AHEAD = 8
const SECONDS_MAX = 180
const MAPS = `/api/v1/namespaces/${BENCH_NAMESPACE}/configmaps`

/**
 * Opens many watches from one pod, first directly and then through its sidecar, and changes what they watch: events
 * that arrive a second, of all watches together, and the most that the sidecar's container holds meanwhile.
 * Throws when a watch ends or an event is missing.
 */
export async function measureWatches(place: BenchPlace, log: Log): Promise<Parts['watches']> {
  const { direct, lanyard } = ownEntrances(place)
  // One for each way: a watch begins with what is there, and the mark of a change must not be.
  const items = ['watched-direct', 'watched-lanyard'].map((name) => ({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
  }))
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  await place.admin.must(['create', '-n', BENCH_NAMESPACE, '-f', '-'], list)
  const title = (way: string) => `${WATCHES} watches with ${EVENTS} events each, ${way}`
  const straight = await withProgress(log, title('directly'), () =>
    watchOver('watched-direct', direct, direct, place.containerPid),
  )
  const peak = samplePeak(place.sidecarPid)
  const through = await withProgress(log, title('through the sidecar'), () =>
    watchOver('watched-lanyard', lanyard, direct, place.containerPid),
  ).finally(() => peak.stop())
  return {
    count: WATCHES,
    workingSetMiB: (await peak.stop()).workingSetMiB,
    eventsPerSecond: { direct: straight, lanyard: through },
  }
}

async function watchOver(
  name: string,
  way: Entrance,
  direct: Entrance,
  containerPid: number,
): Promise<number> {
  const { hostname, port } = new URL(way.origin)
  const token = (entrance: Entrance) => readFile(entrance.tokenFile, 'utf8')
  const options: z.infer<typeof watchLoadOptions> = {
    ...{ host: hostname, port: Number(port === '' ? 443 : port) },
    token: (await token(way)).trim(),
    ...{ watches: WATCHES, events: EVENTS, ahead: AHEAD, collection: MAPS, name },
    writer: { origin: direct.origin, token: (await token(direct)).trim() },
  }
  const script = [process.execPath, join(import.meta.dirname, 'watch-load.ts')]
  const argv = endingWithUs(inNetworkOf(containerPid, withinSeconds(SECONDS_MAX, script)))
  const [command = '', ...args] = argv
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('The client of the watches ended')
    return value
  }
  child.stdin.write(`${JSON.stringify(options)}\n`)
  try {
    await next()
    child.stdin.write('go\n')
    const { arrived, seconds } = watchLoadResult.parse(JSON.parse(await next()))
    if (arrived !== WATCHES * EVENTS) {
      throw new Error(`${arrived} events arrived, wanted ${WATCHES * EVENTS}`)
    }
    return arrived / seconds
  } finally {
    child.stdin.end()
  }
}
