import { parseArgs } from 'node:util'
import { type Cluster, startCluster } from '../cluster/cluster.ts'
import { installLanyard } from '../cluster/lanyard.ts'
import { WATCHED } from './manifests.ts'
import { createNarrator, type Narrator } from './narrator.ts'
import { theRecords } from './records.ts'
import { type Stage, setTheStage } from './stage.ts'
import { type Chapter, theStory } from './story.ts'

const HELP = `Shows Lanyard's main job on a real Kubernetes on this machine.

  npm run demo                 runs the story and removes the cluster
  npm run demo -- --keep       leaves the cluster up and says how to use it
  npm run demo -- --name NAME  name of the cluster (default: demo)

The first run installs Debian packages and builds Kubernetes, which takes some minutes; both are
kept. Needs root on Debian 12.
`

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
  const log = (line: string) => console.error(line)
  const narrator = createNarrator((text) => process.stdout.write(text))
  const cluster = await startCluster({ name: values.name, log })
  let stage: Stage | undefined
  try {
    await installLanyard(cluster, log)
    stage = await setTheStage(cluster)
    await tellInstallation(narrator, stage)
    for (const chapter of theStory()) await tell(narrator, chapter, stage)
    for (const chapter of await theRecords(stage)) await tell(narrator, chapter, stage)
    narrator.note('\nEvery step went as it must.')
  } finally {
    if (values.keep) tellHowToUse(narrator, cluster, stage)
    else {
      await stage?.close()
      log('Removing the cluster ...')
      await cluster.stop()
    }
  }
  return 0
}

async function tellInstallation(narrator: Narrator, stage: Stage): Promise<void> {
  narrator.chapter('Lanyard is installed, and one namespace opts in')
  const listed = await stage.admin.must(['get', 'pods', '-n', 'lanyard-system'])
  narrator.step({
    command:
      'helm install lanyard deploy/chart -n lanyard-system --create-namespace --wait\n$ kubectl get pods -n lanyard-system',
    answer: listed.text,
    why: 'the control plane decides, two injectors admit pods',
  })
  const labels = await stage.admin.must(['get', 'namespace', WATCHED, '--show-labels'])
  narrator.step({
    command: `kubectl label namespace ${WATCHED} lanyard.dev/injection=enabled\n$ kubectl get namespace ${WATCHED} --show-labels`,
    answer: labels.text,
    why: 'from now on every pod of this namespace gets the sidecar; RBAC stays as it is',
  })
}

/** Runs a chapter; throws when an answer is not what the story says. */
async function tell(narrator: Narrator, chapter: Chapter, stage: Stage): Promise<void> {
  narrator.chapter(chapter.title)
  for (const step of chapter.steps) {
    const answer = await step.run(stage)
    narrator.step({ command: step.command, answer: answer.text, why: step.why })
    const { exitCode, says } = step.wants
    const missing = says.filter((pattern) => !pattern.test(answer.text))
    if (answer.exitCode !== exitCode || missing.length > 0) {
      throw new Error(
        `"${step.name}" went otherwise: exit code ${answer.exitCode}, wanted ${exitCode}; missing: ${missing.join(' ')}`,
      )
    }
  }
}

function tellHowToUse(narrator: Narrator, cluster: Cluster, stage: Stage | undefined): void {
  narrator.chapter('The cluster stays up')
  const lines = [
    `export KUBECONFIG=${cluster.adminKubeconfig}      # the administrator`,
    ...(stage === undefined
      ? []
      : [
          `export KUBECONFIG=${stage.aliceKubeconfig}    # alice`,
          `export PATH=${stage.path.split(':').slice(0, 2).join(':')}:$PATH`,
        ]),
    `kubectl get chains -n ${WATCHED}`,
    `kubectl lanyard audit -n ${WATCHED}`,
    `npm run cluster -- down --name ${cluster.name}     # removes it`,
  ]
  for (const line of lines) narrator.note(`  ${line}`)
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`The demo failed: ${error instanceof Error ? error.message : String(error)}`)
  return 1
})
