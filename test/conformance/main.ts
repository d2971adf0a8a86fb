import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  attachCluster,
  type Cluster,
  startCluster,
  withClusterToItself,
} from '../cluster/cluster.ts'
import { chosenKubernetes, parseKubernetesVersion } from '../cluster/kubernetes-versions.ts'
import { installLanyard } from '../cluster/lanyard.ts'
import { fromCaller, REPOSITORY } from '../cluster/paths.ts'
import { withProgress } from '../cluster/progress.ts'
import { requireRoot } from '../cluster/require-root.ts'
import { type Comparison, isAsExpected } from './compare-runs.ts'
import { renderComparison } from './render-comparison.ts'
import { runBoth } from './run-both.ts'
import { ensureSuitePrograms, SUITE_VERSIONS } from './suite-programs.ts'

const CLUSTER = 'conformance'
const HELP = `Runs Kubernetes' own end-to-end suite twice, straight at kube-apiserver and from an injected pod
through Lanyard's sidecar, and prints which specs pass in the first way only.

  npm run conformance
  npm run conformance -- --focus 'sig-cli' --focus 'Pods should'

  --focus REGEX      only specs whose name matches (RE2); several are alternatives
  --processes N      how many specs run at the same time (default: 3)
  --out FOLDER       where reports, JUnit files and output are kept (default: dist/conformance)
  --reuse-direct     runs the suite through the sidecar only, and compares with the direct run that is in --out
  --json             prints the comparison as JSON instead
  --kubernetes V     ${SUITE_VERSIONS.join(', ')} (default: what the test cluster is by default)
  --keep             leaves the cluster "${CLUSTER}" up; npm run cluster -- down --name ${CLUSTER} removes it
  --on NAME          uses the cluster NAME that runs, with the Lanyard that is installed there, and leaves it up
  -h, --help         this text

The specs, and why others are not among them: test/conformance/chosen-specs.ts. Differences that are meant, with
their reasons: docs/compatibility.md. Exit codes: 0 when no other spec differs, 1 when one does, 2 for a wrong
command line. The first run builds the suite, which takes about ten minutes; all specs take about an hour and a
half on two cores. Needs root on Debian 12.
`

const OPTIONS = {
  focus: { type: 'string', multiple: true, default: [] as string[] },
  processes: { type: 'string', default: '3' },
  out: { type: 'string', default: join(REPOSITORY, 'dist', 'conformance') },
  'reuse-direct': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  kubernetes: { type: 'string' },
  keep: { type: 'boolean', default: false },
  on: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** The command line is not one of those in HELP. */
class UsageError extends Error {}

const log = (line: string) => console.error(line)

function parse() {
  try {
    const { values } = parseArgs({ options: OPTIONS })
    if (!/^[1-9]$/.test(values.processes)) throw new Error('--processes wants a number from 1 to 9')
    const version = values.kubernetes
    return {
      ...values,
      reuseDirect: values['reuse-direct'],
      version: version === undefined ? chosenKubernetes() : parseKubernetesVersion(version),
    }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function main(): Promise<number> {
  const { help, focus, processes, json, out, keep, on, version, reuseDirect } = parse()
  if (help) {
    console.log(HELP)
    return 0
  }
  requireRoot()
  const folder = fromCaller(out)
  const runs = { focus, processes: Number(processes), folder, reuseDirect, log }
  const compare = async (cluster: Cluster) => {
    const programs = await ensureSuitePrograms(cluster.kubernetes, log)
    return runBoth(cluster, programs, runs)
  }
  const comparison =
    on === undefined
      ? await withOwnCluster(keep, version, compare)
      : await compare(await attachCluster(on))
  await writeFile(join(folder, 'comparison.json'), `${JSON.stringify(comparison, undefined, 2)}\n`)
  process.stdout.write(json ? `${JSON.stringify(comparison)}\n` : renderComparison(comparison))
  log(`Reports, JUnit files and output: ${folder}`)
  return isAsExpected(comparison) ? 0 : 1
}

function withOwnCluster(
  keep: boolean,
  kubernetes: Cluster['kubernetes'],
  work: (cluster: Cluster) => Promise<Comparison>,
): Promise<Comparison> {
  return withClusterToItself({ name: CLUSTER, keep, log }, async () => {
    // Before the cluster: a build that fails should not leave one behind.
    await ensureSuitePrograms(kubernetes, log)
    const cluster = await startCluster({ name: CLUSTER, log, kubernetes, endsWithProcess: !keep })
    try {
      await installLanyard(cluster, log)
      return await work(cluster)
    } finally {
      if (keep) log(`The cluster stays up: npm run cluster -- down --name ${CLUSTER}`)
      else await withProgress(log, `Removing the cluster ${CLUSTER}`, () => cluster.stop())
    }
  })
}

process.exitCode = await main().catch((error: unknown) => {
  log(error instanceof Error ? error.message : String(error))
  if (!(error instanceof UsageError)) return 1
  log('See: npm run conformance -- --help')
  return 2
})
