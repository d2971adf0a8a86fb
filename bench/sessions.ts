import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { waitFor } from '../test/cluster/control.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { mustRun } from '../test/cluster/run-command.ts'
import type { Kubectl } from '../test/demo/kubectl.ts'
import { BENCH_NAMESPACE } from './bench-pods.ts'
import { inNetworkOf, withinSeconds } from './child-process.ts'
import { type Parts, SESSION_PATHS, type SessionFigures, type SessionPath } from './figures.ts'
import { type LoadPlace, podPath } from './path-load.ts'
import { median } from './percentile.ts'
import { type sessionLoadOptions, sessionLoadResult } from './session-load.ts'
import { measureInTurns } from './turns.ts'

interface Load extends Pick<z.infer<typeof sessionLoadOptions>, 'command' | 'echoes'> {
  /** That the command writes. */
  readonly bytes: number
}
type Loaded = z.infer<typeof sessionLoadResult>

export interface SessionOptions {
  readonly place: Pick<LoadPlace, 'pod' | 'containerPid' | 'entrances' | 'admin'>
  readonly check: () => void
  readonly onRound: () => Promise<void>
  readonly rounds: number
  readonly log: Log
}

const ECHOES = 1_000
const MEBIBYTES = 48
/** The file, its head, and the end that `tar` of busybox writes. */
const COPIED_BYTES = MEBIBYTES * 1_024 * 1_024 + 1_536
/** How often a session that was not whole is tried. */
const TIMES_MAX = 3
const SECONDS_MAX = 120
/** Of the container, in memory. */
const FOLDER = '/dev/shm'
const FILE = 'copied'

/**
 * Milliseconds from a keystroke to its echo, in an exec of `cat` in the pod itself: over each path in turns, over
 * Lanyard while it is recorded. Throws unless just the sessions of that path are on record, each to its end.
 */
export async function measureEchoes(options: SessionOptions): Promise<Parts['echo']> {
  return measureSessions(options, ['Echoes of an exec', ({ p50Ms }) => p50Ms], {
    command: ['cat'],
    echoes: ECHOES,
    bytes: ECHOES,
  })
}

/** Bytes a second of a file that `tar` sends out of the pod, as `kubectl cp` has it; otherwise as `measureEchoes`. */
export async function measureCopies(options: SessionOptions): Promise<Parts['copy']> {
  const { place } = options
  const write = `head -c ${MEBIBYTES}m /dev/urandom > ${FOLDER}/${FILE}`
  const fill = ['exec', '-n', BENCH_NAMESPACE, place.pod.name, '-c', 'main', '--', 'sh', '-c']
  await place.admin.must([...fill, write])
  const figures = await measureSessions(
    options,
    ['Copies out of a pod', ({ bytes, seconds }) => bytes / seconds / 1_000_000],
    { command: ['tar', 'cf', '-', '-C', FOLDER, FILE], echoes: 0, bytes: COPIED_BYTES },
  )
  return { ...figures, megabytes: COPIED_BYTES / 1_000_000 }
}

async function measureSessions(
  { place, rounds, check, onRound, log }: SessionOptions,
  [title, figure]: readonly [string, (result: Loaded) => number],
  load: Load,
): Promise<SessionFigures> {
  const before = await countRecorded(place.admin)
  let recorded = 0
  const { results, calm } = await withProgress(log, `${title}, ${rounds} rounds`, () =>
    measureInTurns({
      ...{ names: SESSION_PATHS, rounds, figure, onRound, log },
      async measure(path: SessionPath) {
        for (let times = 1; ; times += 1) {
          const result = await runSession(path, load, place)
          if (path === 'lanyard') recorded += 1
          check()
          if (result.bytes === load.bytes) return result
          // A container runtime that is short of time ends an exec before all of the output has passed.
          log(`${result.bytes} of ${load.bytes} bytes came over ${path}`)
          if (times === TIMES_MAX) throw new Error(`${load.bytes} bytes did not come over ${path}`)
        }
      },
    }),
  )
  await waitFor('the record of every session, and of no other', 20_000, async () => {
    return (await countRecorded(place.admin)) === before + recorded
  })
  const of = (path: SessionPath) => median(results[path].map(figure))
  return { direct: of('direct'), envoy: of('envoy'), lanyard: of('lanyard'), calm }
}

async function runSession(
  path: SessionPath,
  { command, echoes }: Load,
  { pod, containerPid, entrances }: SessionOptions['place'],
): Promise<Loaded> {
  const { origin, tokenFile } = entrances[path]
  const { hostname, port } = new URL(origin)
  const options: z.infer<typeof sessionLoadOptions> = {
    ...{ host: hostname, port: Number(port === '' ? 443 : port) },
    ...{ command, echoes },
    token: (await readFile(tokenFile, 'utf8')).trim(),
    path: `${podPath(pod)}/exec`,
  }
  const script = [process.execPath, join(import.meta.dirname, 'session-load.ts')]
  const output = await mustRun(inNetworkOf(containerPid, withinSeconds(SECONDS_MAX, script)), {
    input: JSON.stringify(options),
  })
  return sessionLoadResult.parse(JSON.parse(output))
}

/** Sessions that are on record to their end. */
async function countRecorded(admin: Kubectl): Promise<number> {
  const what = ['get', 'sessions.access.lanyard.dev', '-n', BENCH_NAMESPACE]
  const endings = ['-o', 'jsonpath={.items[*].status.ending}']
  const { stdout } = await admin.must([...what, ...endings])
  return stdout.split(' ').filter((ending) => ending === 'finished').length
}
