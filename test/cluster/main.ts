import { parseArgs } from 'node:util'
import { attachCluster, type Cluster, startCluster } from './cluster.ts'
import { describeCluster } from './describe.ts'
import { installLanyard } from './lanyard.ts'

const HELP = `A real Kubernetes on this machine, in network, mount and PID namespaces of its own.

  npm run cluster -- up [--lanyard]                  starts it; the last line is its kubeconfig
  npm run cluster -- down                            ends it and leaves nothing behind
  npm run cluster -- status [-o json]                what runs
  npm run cluster -- kubeconfig USER [--group G ...] a client certificate for a user
  npm run cluster -- load IMAGE.tar                  makes an image known to the node

  --name NAME   which cluster (default: dev); several may run at once

Needs root on Debian 12. The first "up" builds Kubernetes, which takes about five minutes.
`

const log = (line: string) => console.error(line)

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'dev' },
      lanyard: { type: 'boolean', default: false },
      group: { type: 'string', multiple: true, default: [] },
      output: { type: 'string', short: 'o', default: 'table' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [command, argument] = positionals
  if (values.help || command === undefined) {
    console.log(HELP)
    return values.help ? 0 : 2
  }
  const attach = (): Promise<Cluster> => attachCluster(values.name)
  switch (command) {
    case 'up':
      return up(values.name, values.lanyard)
    case 'down':
      return down(values.name)
    case 'status':
      return status(values.name, values.output)
    case 'kubeconfig':
      if (argument === undefined) return usage('kubeconfig wants the name of a user')
      console.log(await (await attach()).kubeconfigFor(argument, values.group))
      return 0
    case 'load':
      if (argument === undefined) return usage('load wants the path of a docker archive')
      await (await attach()).loadImage(argument)
      return 0
    default:
      return usage(`no such command: ${command}`)
  }
}

async function up(name: string, lanyard: boolean): Promise<number> {
  const cluster = await startCluster({ name, log })
  if (lanyard) await installLanyard(cluster, log)
  console.log(cluster.adminKubeconfig)
  return 0
}

async function down(name: string): Promise<number> {
  const { stopCluster } = await import('./cluster.ts')
  await stopCluster(name)
  log(`The cluster ${name} is gone`)
  return 0
}

async function status(name: string, output: string): Promise<number> {
  const description = await describeCluster(name)
  if (output === 'json') console.log(JSON.stringify(description))
  else {
    console.log(`${name}: ${description.running ? 'running' : 'not running'}`)
    for (const { name: component, pid } of description.components) {
      console.log(`  ${component.padEnd(26)}${pid === 0 ? 'not running' : `pid ${pid} (inside)`}`)
    }
  }
  return description.running ? 0 : 1
}

function usage(problem: string): number {
  log(`${problem}\n\n${HELP}`)
  return 2
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  log(error instanceof Error ? error.message : String(error))
  return 1
})
