import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Log, withProgress } from '../cluster/progress.ts'
import type { Kubectl } from '../demo/kubectl.ts'
import { LABELS, SKIPPED } from './chosen-specs.ts'
import type { Outcomes } from './compare-runs.ts'
import { readReport } from './read-report.ts'
import { NAMESPACES, POD, RESULTS, suitePod, type Way } from './suite-objects.ts'
import { countIn, parsePrinted, SuiteProgress } from './suite-progress.ts'

const POLL_MS = 10_000
/** Two minutes without an answer from the pod. */
const SILENT_POLLS_MAX = 12
const LOG = `${RESULTS}/suite.log`
const ENDED = `${RESULTS}/exit-code`
const REPORT = 'report.json'
/** Of a whole run; a spec has limits of its own. */
const TIMEOUT = '4h'

export interface SuiteRun {
  readonly way: Way
  /** Says what it is, to whoever waits. */
  readonly title: string
  /** Regular expressions (RE2) of which a spec's name has to match one; none is all of the chosen specs. */
  readonly focus: readonly string[]
  readonly processes: number
  /** Where report, JUnit file and output are kept; made if it is not there. */
  readonly folder: string
  readonly admin: Kubectl
  /** Creates the pod: the root requester of its chain. */
  readonly author: Kubectl
  readonly log: Log
}

/**
 * Runs the suite in a pod, waits for its end, and brings its results into the folder. Throws when the pod does
 * not start, or when the suite ended without a report.
 */
export async function runSuite(run: SuiteRun): Promise<Outcomes> {
  const { way, title, folder, admin, author, log } = run
  const where = ['-n', NAMESPACES[way]]
  await admin.must(['delete', 'pod', POD, ...where, '--ignore-not-found', '--wait'])
  await author.must(['create', '-f', '-'], JSON.stringify(suitePod(way, suiteCommand(run))))
  const ready = ['--for=condition=Ready', '--timeout=180s']
  await admin.must(['wait', `pod/${POD}`, ...where, ...ready])
  await withProgress(log, title, (report) => untilEnded(run, report))
  await mkdir(folder, { recursive: true })
  // Of an hour's work: a copy that breaks off is gone on with.
  await admin.must(['cp', ...where, '--retries=10', '-c', 'main', `${POD}:${RESULTS}`, folder])
  return readRun(folder)
}

/** The outcomes of a run whose results are in the folder. Throws when no report of one is there. */
export function readRun(folder: string): Promise<Outcomes> {
  return readReport(join(folder, REPORT))
}

/** A shell's command line that runs the chosen specs and says when it is done. */
export function suiteCommand({ focus, processes }: Pick<SuiteRun, 'focus' | 'processes'>): string {
  const ginkgo = [
    'ginkgo',
    `--procs=${processes}`,
    '--no-color',
    `--timeout=${TIMEOUT}`,
    `--label-filter=${LABELS}`,
    ...SKIPPED.map(({ pattern }) => `--skip=${pattern}`),
    ...focus.map((pattern) => `--focus=${pattern}`),
    `--output-dir=${RESULTS}`,
    `--json-report=${REPORT}`,
    '--junit-report=junit.xml',
    '/usr/bin/e2e.test',
    '--',
    '--provider=skeleton',
    '--kubectl-path=/usr/bin/kubectl',
    '--num-nodes=1',
  ]
  const line = ginkgo.map(quoted).join(' ')
  return `mkdir -p ${RESULTS}; ${line} >${LOG} 2>&1; echo $? >${ENDED}`
}

async function untilEnded(run: SuiteRun, report: (state: string) => void): Promise<void> {
  const progress = new SuiteProgress(Date.now())
  const ask = `cat ${ENDED} 2>/dev/null | grep . || echo; ${countIn(LOG)}; true`
  const inside = ['exec', '-n', NAMESPACES[run.way], POD, '-c', 'main', '--', 'sh', '-c', ask]
  for (let silent = 0; silent < SILENT_POLLS_MAX; ) {
    await sleep(POLL_MS)
    const answer = await run.admin.run(inside)
    // A cluster under load may not answer now and then.
    silent = answer.exitCode === 0 ? 0 : silent + 1
    const [ended = '', ...counts] = answer.stdout.split('\n')
    if (silent === 0) report(progress.state(parsePrinted(counts.join('\n')), Date.now()))
    if (ended !== '') return
  }
  const pod = ['describe', 'pod', POD, '-n', NAMESPACES[run.way]]
  throw new Error(`The pod that runs the suite is gone:\n${(await run.admin.run(pod)).text}`)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
