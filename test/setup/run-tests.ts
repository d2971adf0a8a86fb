import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import {
  DEFAULT_KUBERNETES,
  KUBERNETES_VARIABLE,
  KUBERNETES_VERSIONS,
} from '../cluster/kubernetes-versions.ts'

/*
 * `npm test`: the same checks as `npm run check`, then every test, in the order in which a failure
 * is cheapest to find. Ends with one line that says how many tests passed and failed.
 */

const STEPS: readonly (readonly string[])[] = [
  ['biome', 'check', '.'],
  ['tsc', '--noEmit'],
  ['knip'],
]

/** One run of vitest. */
interface Suite {
  readonly title: string
  readonly project: string
  /** Of the project's; empty is all. */
  readonly files: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

const SUITES: readonly Suite[] = [
  ...['unit', 'integration', 'e2e'].map((project) => ({
    title: project,
    project,
    files: [],
    environment: {},
  })),
  // The story and the policies, on each other version that is supported.
  ...KUBERNETES_VERSIONS.filter((version) => version !== DEFAULT_KUBERNETES).map((version) => ({
    title: `e2e-${version}`,
    project: 'e2e',
    files: ['test/e2e/story.test.ts', 'test/e2e/policy.test.ts'],
    environment: { [KUBERNETES_VARIABLE]: version },
  })),
]
const root = resolve(import.meta.dirname, '../..')

interface Totals {
  passed: number
  failed: number
  skipped: number
  /** Checks and tests that failed, by name: the end of a long log is what people see. */
  readonly failures: string[]
}

/** What is read of vitest's report. */
interface Report {
  readonly numPassedTests?: number
  readonly numFailedTests?: number
  readonly numPendingTests?: number
  readonly numTodoTests?: number
  readonly testResults?: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

const MESSAGE_LINES_MAX = 12

async function main(): Promise<number> {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0, failures: [] }
  for (const [command = '', ...args] of STEPS) {
    console.error(`== ${command} ${args.join(' ')}`)
    if ((await run(command, args)) !== 0) fail(totals, `${command} ${args.join(' ')}`)
  }
  const wanted = process.argv.slice(2)
  const suites = SUITES.filter(({ project }) => wanted.length === 0 || wanted.includes(project))
  for (const { what, script, environment } of preparations(suites)) {
    console.error(`== ${what}`)
    if ((await run('node', [script], environment)) !== 0) fail(totals, `building ${what}`)
  }
  for (const suite of suites) {
    console.error(`== vitest ${suite.title}`)
    await runSuite(suite, totals)
  }
  for (const failure of totals.failures) console.log(`failed: ${failure}`)
  const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`
  console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`)
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1
}

interface Preparation {
  readonly what: string
  readonly script: string
  readonly environment: Readonly<Record<string, string>>
}

/** What is built before tests need it: some integration tests use the real kube-apiserver, too. */
function preparations(suites: readonly Suite[]): readonly Preparation[] {
  const clusters = suites.filter(({ project }) => project !== 'unit')
  const versions = new Set(clusters.map(({ environment }) => environment[KUBERNETES_VARIABLE]))
  return [
    ...[...versions].map((version) => ({
      what: version === undefined ? 'the cluster that the tests need' : `Kubernetes ${version}`,
      script: 'test/cluster/prepare.ts',
      environment: version === undefined ? {} : { [KUBERNETES_VARIABLE]: version },
    })),
    ...(suites.some(({ project }) => project === 'e2e') ? [PROGRAMS] : []),
  ]
}

const PROGRAMS: Preparation = {
  what: 'the programs that the end-to-end tests run',
  script: 'test/programs/prepare.ts',
  environment: {},
}

async function runSuite(suite: Suite, totals: Totals): Promise<void> {
  const { title, project, files, environment } = suite
  const report = resolve(root, `dist/test-${title}.json`)
  const { rm, readFile } = await import('node:fs/promises')
  await rm(report, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const argv = ['run', `--project=${project}`, ...reporters, ...files]
  const status = await run('vitest', argv, environment)
  try {
    const json = JSON.parse(await readFile(report, 'utf8')) as Report
    const failed = json.numFailedTests ?? 0
    totals.passed += json.numPassedTests ?? 0
    totals.failed += failed
    totals.skipped += (json.numPendingTests ?? 0) + (json.numTodoTests ?? 0)
    totals.failures.push(...failuresOf(json))
    // A file that cannot be loaded fails the run without a failed test.
    if (status !== 0 && failed === 0) totals.failed += 1
  } catch {
    // Recorded as one failure: vitest ended without a report.
    fail(totals, `vitest ${title} ended without a report`)
  }
}

function fail(totals: Totals, what: string): void {
  totals.failed += 1
  totals.failures.push(what)
}

/** Each failed test, and each file that could not be loaded, with the begin of its message. */
function failuresOf({ testResults = [] }: Report): readonly string[] {
  return testResults.flatMap(({ name, status, message = '', assertionResults }) => {
    const failed = assertionResults.filter((result) => result.status === 'failed')
    if (failed.length === 0) return status === 'failed' ? [`${name}\n${cut(message)}`] : []
    return failed.map(
      ({ fullName, failureMessages }) => `${name} ${fullName}\n${cut(failureMessages.join('\n'))}`,
    )
  })
}

function cut(message: string): string {
  return message.split('\n').slice(0, MESSAGE_LINES_MAX).join('\n')
}

function run(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  return new Promise((settle) => {
    const env = { ...process.env, ...environment }
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`)
      settle(1)
    })
    child.once('exit', (code) => settle(code ?? 1))
  })
}

process.exitCode = await main()
