import { parseArgs } from 'node:util'
import { type Cluster, startCluster, withClusterToItself } from '../cluster/cluster.ts'
import { loadLanyard } from '../cluster/lanyard.ts'
import { REPOSITORY } from '../cluster/paths.ts'
import { withProgress } from '../cluster/progress.ts'
import { requireRoot } from '../cluster/require-root.ts'
import { theInstallation } from './installation.ts'
import { WATCHED } from './manifests.ts'
import { createNarrator, type Narrator } from './narrator.ts'
import { theRecords } from './records.ts'
import { type Stage, setTheStage } from './stage.ts'
import type { Chapter } from './step.ts'
import { theStory } from './story.ts'
import { tell } from './tell.ts'

const HELP = `Shows Lanyard's main job on a real Kubernetes on this machine.

  npm run demo                 runs the story and removes the cluster
  npm run demo -- --keep       leaves the cluster up and says how to use it
  npm run demo -- --name NAME  name of the cluster (default: demo)

A cluster of that name that was left, such as one of --keep, is removed first, and so is the new one
on Ctrl-C. The first run installs Debian packages and builds Kubernetes, which takes some minutes;
both are kept. Needs root on Debian 12.
`

const log = (line: string) => console.error(line)

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      keep: { type: 'boolean', default: false },
      name: { type: 'string', default: 'demo' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const { name, keep } = values
  requireRoot()
  await withClusterToItself({ name, keep, log }, () => play(name, keep))
  return 0
}

async function play(name: string, keep: boolean): Promise<void> {
  const narrator = createNarrator((text) => process.stdout.write(text))
  const cluster = await startCluster({ name, log, endsWithProcess: !keep })
  let stage: Stage | undefined
  try {
    stage = await withProgress(log, 'Making two namespaces, alice, and kubectl lanyard', () =>
      setTheStage(cluster, { optIn: false }),
    )
    await loadLanyard(cluster, log)
    await tellAll(narrator, cluster, stage)
  } finally {
    if (keep) tellHowToUse(narrator, cluster, stage)
    else {
      await stage?.close()
      await withProgress(log, `Removing the cluster ${name}`, () => cluster.stop())
    }
  }
}

async function tellAll(narrator: Narrator, cluster: Cluster, stage: Stage): Promise<void> {
  const next = (chapter: Chapter) => tell(narrator, log, chapter, stage)
  narrator.note(`\nCommands are run in ${stage.folder}, where the files are that they name.`)
  for (const chapter of [theInstallation(cluster), ...theStory()]) await next(chapter)
  for (const chapter of await theRecords(stage)) await next(chapter)
  narrator.note('\nEvery step went as it must.')
}

function tellHowToUse(narrator: Narrator, cluster: Cluster, stage: Stage | undefined): void {
  narrator.chapter('The cluster stays up')
  const { name, adminKubeconfig } = cluster
  const programs = stage?.path.split(':').slice(0, 3).join(':')
  const asCast = [
    `cd ${stage?.folder}   # the files that the story names`,
    `export PATH=${programs}:$PATH`,
    `kubectl --kubeconfig alice.kubeconfig auth whoami`,
    `export KUBECONFIG=${adminKubeconfig}   # from here on as the administrator`,
    `kubectl get chains -n ${WATCHED}`,
    `kubectl lanyard audit -n ${WATCHED}`,
  ]
  const lines = [
    ...(stage === undefined ? [`export KUBECONFIG=${adminKubeconfig}`] : asCast),
    `npm --prefix ${REPOSITORY} run cluster -- down --name ${name}   # removes it`,
  ]
  for (const line of lines) narrator.note(`  ${line}`)
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`The demo failed: ${error instanceof Error ? error.message : String(error)}`)
  return 1
})
