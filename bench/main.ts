import { open, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Cluster, startCluster, withClusterToItself } from '../test/cluster/cluster.ts'
import { installLanyard } from '../test/cluster/lanyard.ts'
import { fromCaller } from '../test/cluster/paths.ts'
import { withProgress } from '../test/cluster/progress.ts'
import { requireRoot } from '../test/cluster/require-root.ts'
import { type Figures, PART_NAMES, type PartName } from './figures.ts'
import { measureAll } from './measure-all.ts'
import { measureDecisions } from './measure-decisions.ts'
import { measureExport } from './measure-export.ts'
import { measureMemory } from './measure-memory.ts'
import { measureSessionMemory } from './measure-sessions.ts'
import { renderLines, renderMarkdown, renderTable } from './report.ts'

const HELP = `Measures Lanyard and its peers on a real Kubernetes on this machine.

  npm run bench                   a table of every figure, and whether its target is met
  npm run -s bench -- -o json     one JSON object a line, one for each figure; without -s npm puts
                                  lines of its own before them
  npm run -s bench -- -o markdown the same tables, to be pasted into the README
  npm run bench -- memory         what a sidecar holds under the loads that take most memory, beside its
                                  limit; about four minutes, without a cluster
  npm run bench -- sessions       what a sidecar holds while 200 sessions are recorded, beside its limit; two
                                  minutes, without a cluster
  npm run bench -- export         time and memory of kubectl lanyard audit export of 1,000,000 decisions;
                                  some minutes, without a cluster
  npm run bench -- decisions      durable decisions of one control plane, and the CPU that each costs; two
                                  minutes, without a cluster
  npm run bench -- --json FILE    writes all figures as one object besides

  --rounds N    rounds in which the paths take turns (default: 5)
  --seconds N   seconds of each path in a round (default: 4)
  --only PARTS  some parts, with commas between them: ${PART_NAMES.join(', ')}
  --keep        leaves the cluster "bench" up; npm run cluster -- down --name bench removes it
  -h, --help    this text

Takes about twelve minutes on two cores, and some more the first time, when Kubernetes is built. Leave
the machine alone meanwhile: what was measured while it was too busy to tell is measured again, once. A cluster "bench" that was left is removed first; Ctrl-C removes the new
one. Needs root on Debian 12. The exit code is 0 when everything was measured, whether or not a target
is met, and 1 when a part could not be.
`

const OPTIONS = {
  output: { type: 'string', short: 'o', default: 'table' },
  json: { type: 'string' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '4' },
  only: { type: 'string' },
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
  if (word === 'sessions') return measureSessionMemory(log)
  throw new Error('The only words it takes are "memory", "sessions", "export" and "decisions"')
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
  const render = RENDERERS[output]
  if (render === undefined) {
    throw new Error(`-o knows ${Object.keys(RENDERERS).join(', ')}, not "${output}"`)
  }
  const only = values.only === undefined ? undefined : parseParts(values.only)
  const rounds = positive('rounds', values.rounds)
  const secondsEach = positive('seconds', values.seconds)
  requireRoot()
  const file = json === undefined ? undefined : fromCaller(json)
  // Before the minutes that it takes, not after them: is there a place to write to?
  if (file !== undefined) await (await open(file, 'a')).close()
  const figures = await withCluster(keep, (cluster) =>
    measureAll(cluster, { rounds, secondsEach, only, log }),
  )
  process.stdout.write(render(figures))
  if (file !== undefined) await writeFile(file, `${JSON.stringify(figures, undefined, 2)}\n`)
  const failed = Object.keys(figures.failures)
  if (failed.length > 0) throw new Error(`not measured: ${failed.join(', ')}`)
}

const RENDERERS: Readonly<Record<string, (figures: Figures) => string>> = {
  table: renderTable,
  json: renderLines,
  markdown: renderMarkdown,
}

function parseParts(text: string): readonly PartName[] {
  return text.split(',').map((word) => {
    const name = PART_NAMES.find((one) => one === word)
    if (name === undefined) throw new Error(`--only knows ${PART_NAMES.join(', ')}, not "${word}"`)
    return name
  })
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
