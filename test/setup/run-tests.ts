import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

/*
 * `npm test`: the same checks as `npm run check`, then every test, in the order in which a failure
 * is cheapest to find. Ends with one line that says how many tests passed and failed.
 */

const STEPS: readonly (readonly string[])[] = [
  ['biome', 'check', '.'],
  ['tsc', '--noEmit'],
  ['knip'],
]
const PROJECTS = ['unit', 'integration', 'e2e']
const root = resolve(import.meta.dirname, '../..')

interface Totals {
  passed: number
  failed: number
  skipped: number
}

async function main(): Promise<number> {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 }
  for (const [command = '', ...args] of STEPS) {
    console.error(`== ${command} ${args.join(' ')}`)
    if ((await run(command, args)) !== 0) totals.failed += 1
  }
  const wanted = process.argv.slice(2)
  const projects = PROJECTS.filter((name) => wanted.length === 0 || wanted.includes(name))
  if (projects.some((project) => project !== 'unit')) {
    // Some integration tests use the real kube-apiserver and kubectl, which must be built by then.
    console.error('== the cluster that the tests need')
    if ((await run('node', ['test/cluster/prepare.ts'])) !== 0) totals.failed += 1
  }
  if (projects.includes('e2e')) {
    console.error('== the programs that the end-to-end tests run')
    if ((await run('node', ['test/programs/prepare.ts'])) !== 0) totals.failed += 1
  }
  for (const project of projects) {
    console.error(`== vitest ${project}`)
    await runProject(project, totals)
  }
  const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`
  console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`)
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1
}

async function runProject(project: string, totals: Totals): Promise<void> {
  const report = resolve(root, `dist/test-${project}.json`)
  const { rm, readFile } = await import('node:fs/promises')
  await rm(report, { force: true })
  const status = await run('vitest', [
    'run',
    `--project=${project}`,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
  try {
    const json = JSON.parse(await readFile(report, 'utf8')) as Record<string, number>
    totals.passed += json['numPassedTests'] ?? 0
    totals.failed += json['numFailedTests'] ?? 0
    totals.skipped += (json['numPendingTests'] ?? 0) + (json['numTodoTests'] ?? 0)
    // A file that cannot be loaded fails the run without a failed test.
    if (status !== 0 && (json['numFailedTests'] ?? 0) === 0) totals.failed += 1
  } catch {
    // Recorded as one failure: vitest ended without a report.
    totals.failed += 1
  }
}

function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((settle) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`)
      settle(1)
    })
    child.once('exit', (code) => settle(code ?? 1))
  })
}

process.exitCode = await main()
