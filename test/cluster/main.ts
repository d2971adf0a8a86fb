import { parseArgs } from 'node:util'
import { attachCluster, type Cluster, ensureCluster, stopCluster } from './cluster.ts'
import { type ClusterDescription, describeCluster } from './describe.ts'
import {
  DEFAULT_KUBERNETES,
  KUBERNETES_VARIABLE,
  KUBERNETES_VERSIONS,
  type KubernetesVersion,
  parseKubernetesVersion,
} from './kubernetes-versions.ts'
import { installLanyard } from './lanyard.ts'
import { fromCaller } from './paths.ts'
import { withProgress } from './progress.ts'
import { requireRoot } from './require-root.ts'

const HELP = `A real Kubernetes on this machine, in network, mount and PID namespaces of its own.

Usage: npm run cluster -- COMMAND [--name NAME]

  up [--lanyard] [--kubernetes V] starts it; the last line is its kubeconfig. One that runs stays
                                  as it is. --lanyard installs this tree's images and chart
  down                            ends it and leaves nothing behind; no cluster is no error
  status [-o table|json]          what runs; exits with 1 unless everything does
  kubeconfig USER [--group G ...] a client certificate for a user; the last line is its path
  load IMAGE.tar                  makes the images of a docker archive known to the node

  --name NAME        which cluster (default: dev); several may run at the same time
  --kubernetes V     which version: ${KUBERNETES_VERSIONS.join(', ')} (default: ${DEFAULT_KUBERNETES}, or what
                     ${KUBERNETES_VARIABLE} says)
  -h, --help         this text

Needs root on Debian 12. The first "up" of a version builds it, which takes five to ten minutes.
Logs and the audit log are in /var/lib/lanyard-test/NAME/logs.

  export KUBECONFIG=$(npm run cluster -- up | tail -1)
  kubectl get nodes
`

const COMMANDS: Readonly<Record<string, { readonly argument?: string }>> = {
  up: {},
  down: {},
  status: {},
  kubeconfig: { argument: 'the name of a user' },
  load: { argument: 'the path of a docker archive' },
}
const OPTIONS = {
  name: { type: 'string', default: 'dev' },
  lanyard: { type: 'boolean', default: false },
  kubernetes: { type: 'string' },
  group: { type: 'string', multiple: true },
  output: { type: 'string', short: 'o', default: 'table' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** The command line is not one of those in HELP. */
class UsageError extends Error {}

const log = (line: string) => console.error(line)

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parse(argv)
  const [command, ...rest] = positionals
  if (values.help) {
    console.log(HELP)
    return 0
  }
  if (command === undefined) throw new UsageError('Say which command')
  const known = COMMANDS[command]
  if (known === undefined) throw new UsageError(`There is no command "${command}"`)
  const argument = rest[0] ?? ''
  if (known.argument !== undefined && argument === '') {
    throw new UsageError(`${command} wants ${known.argument}`)
  }
  const surplus = rest[known.argument === undefined ? 0 : 1]
  if (surplus !== undefined) throw new UsageError(`${command} does not know what "${surplus}" is`)
  if (!['table', 'json'].includes(values.output)) {
    throw new UsageError(`-o knows table and json, not "${values.output}"`)
  }
  if (values.kubernetes !== undefined && command !== 'up') {
    throw new UsageError(
      `--kubernetes belongs to "up": a cluster stays the version it was started as`,
    )
  }
  const kubernetes = readVersion(values.kubernetes)
  requireRoot()
  switch (command) {
    case 'up':
      return up(values.name, values.lanyard, kubernetes)
    case 'down':
      await withProgress(log, `Removing the cluster ${values.name}`, () =>
        stopCluster(values.name, log),
      )
      log(`The cluster ${values.name} is gone`)
      return 0
    case 'status':
      return status(await describeCluster(values.name), values.output)
    case 'kubeconfig': {
      const cluster = await attachCluster(values.name)
      console.log(await cluster.kubeconfigFor(argument, values.group ?? []))
      return 0
    }
    default:
      await load(await attachCluster(values.name), fromCaller(argument))
      return 0
  }
}

function load(cluster: Cluster, tarPath: string): Promise<void> {
  return withProgress(log, `Loading ${tarPath}`, () => cluster.loadImage(tarPath))
}

/** Undefined leaves a cluster that runs what it is. */
function readVersion(text: string | undefined): KubernetesVersion | undefined {
  try {
    return text === undefined ? undefined : parseKubernetesVersion(text)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function up(
  name: string,
  lanyard: boolean,
  kubernetes: KubernetesVersion | undefined,
): Promise<number> {
  const prepare = async (cluster: Cluster) => {
    if (lanyard) await installLanyard(cluster, log)
  }
  const version = kubernetes === undefined ? {} : { kubernetes }
  console.log((await ensureCluster({ ...version, name, log, prepare })).adminKubeconfig)
  return 0
}

function status(description: ClusterDescription, output: string): number {
  const { name, running, kubeconfig, components } = description
  if (output === 'json') {
    console.log(JSON.stringify(description))
    return running ? 0 : 1
  }
  const partly = components.length > 0 ? 'partly running' : 'not running'
  console.log(`${name}: ${running ? 'running' : partly}`)
  for (const { name: component, pid } of components) {
    console.log(`  ${component.padEnd(26)}${pid === 0 ? 'not running' : `pid ${pid} (inside)`}`)
  }
  if (components.length > 0) console.log(`  ${'kubeconfig'.padEnd(26)}${kubeconfig}`)
  return running ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  log(error instanceof Error ? error.message : String(error))
  if (!(error instanceof UsageError)) return 1
  log('See: npm run cluster -- --help')
  return 2
})
