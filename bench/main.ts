import { open, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Cluster, startCluster, withClusterToItself } from '../test/cluster/cluster.ts'
import { installLanyard } from '../test/cluster/lanyard.ts'
import { fromCaller } from '../test/cluster/paths.ts'
import { withProgress } from '../test/cluster/progress.ts'
import { requireRoot } from '../test/cluster/require-root.ts'
import { measureAll } from './measure-all.ts'
import { measureDecisions } from './measure-decisions.ts'
import { measureExport } from './measure-export.ts'
import { measureMemory } from './measure-memory.ts'
import { renderLines, renderTable } from './report.ts'

const HELP = `Measures Lanyard and its peers on a real Kubernetes on this machine.

  npm run bench                   a table of every figure, and whether its target is met
  npm run -s bench -- -o json     one JSON object a line, one for each figure; without -s npm puts
                                  lines of its own before them
  npm run bench -- memory         what a sidecar holds under the loads that take most memory, beside its
                                  limit; about four minutes, without a cluster
  npm run bench -- export         time and memory of kubectl lanyard audit export of 1,000,000 decisions;
                                  some minutes, without a cluster
  npm run bench -- decisions      durable decisions of one control plane, and the CPU that each costs; two
                                  minutes, without a cluster
  npm run bench -- --json FILE    writes all figures as one object besides

  --rounds N    rounds in which the paths take turns (default: 5)
  --seconds N   seconds of each path in a round (default: 5)
  --keep        leaves the cluster "bench" up; npm run cluster -- down --name bench removes it
  -h, --help    this text

Takes about six minutes on two cores, and some more the first time, when Kubernetes is built. Leave
the machine alone meanwhile. A cluster "bench" that was left is removed first; Ctrl-C removes the new
one. Needs root on Debian 12. The exit code is 0 when everything was measured, whether or not a target
is met.
`

const OPTIONS = {
  output: { type: 'string', short: 'o', default: 'table' },
  json: { type: 'string' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '5' },
  keep: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const CLUSTER = 'bench'
const log = (line: string) => console.error(line)

function positive(name: string, text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new Error(`--${name} wants a whole number from 1 to 9999, not "${text}"`)
}

const EXPORTED_DECISIONS = 1_000_000

/** A measurement that needs no cluster. */
function measureAlone(word: string): Promise<string> {
  if (word === 'memory') return measureMemory(log)
  if (word === 'export') return measureExport(EXPORTED_DECISIONS, log)
  if (word === 'decisions') return measureDecisions(log)
  throw new Error('The only words it takes are "memory", "export" and "decisions"')
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  if (values.help) {
    console.log(HELP)
    return
  }
  if (positionals.length > 0) {
    process.stdout.write(await measureAlone(positionals.join(' ')))
    return
  }
  const { output, json, keep } = values
  if (output !== 'table' && output !== 'json') {
    throw new Error(`-o knows table and json, not "${output}"`)
  }
  const rounds = positive('rounds', values.rounds)
  const secondsEach = positive('seconds', values.seconds)
  requireRoot()
  const file = json === undefined ? undefined : fromCaller(json)
  // Before the minutes that it takes, not after them: is there a place to write to?
  if (file !== undefined) await (await open(file, 'a')).close()
  const figures = await withCluster(keep, (cluster) =>
    measureAll(cluster, { rounds, secondsEach, log }),
  )
  process.stdout.write(output === 'json' ? renderLines(figures) : renderTable(figures))
  if (file !== undefined) await writeFile(file, `${JSON.stringify(figures, undefined, 2)}\n`)
}

/** A cluster for `work` alone, with Lanyard; removed afterwards, whatever happened. */
function withCluster<Result>(
  keep: boolean,
  work: (cluster: Cluster) => Promise<Result>,
): Promise<Result> {
  const measure = async () => {
    const cluster = await startCluster({ name: CLUSTER, log, endsWithProcess: !keep })
    try {
      await installLanyard(cluster, log)
      return await work(cluster)
    } finally {
      if (keep) log(`The cluster ${CLUSTER} stays up: KUBECONFIG=${cluster.adminKubeconfig}`)
      else await withProgress(log, `Removing the cluster ${CLUSTER}`, () => cluster.stop())
    }
  }
  return withClusterToItself({ name: CLUSTER, keep, log }, measure)
}

process.exitCode = await main().then(
  () => 0,
  (error: unknown) => {
    console.error(`The benchmark failed: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  },
)
