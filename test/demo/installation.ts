import { relative } from 'node:path'
import { INJECTION_ENABLED, INJECTION_LABEL } from '../../core/names.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { installArguments, installChart, SERVED } from '../cluster/lanyard.ts'
import { REPOSITORY } from '../cluster/paths.ts'
import { WATCHED } from './manifests.ts'
import { shellLines } from './shell-text.ts'
import { byAdmin, type Chapter } from './step.ts'

/** How Lanyard comes into a cluster that has its images, and how a namespace opts in. */
export function theInstallation(cluster: Cluster): Chapter {
  return {
    title: 'Lanyard is installed, and one namespace opts in',
    steps: [
      {
        name: 'Helm installs Lanyard',
        command: shellLines(['helm', ...installArguments(cluster).map(shortened)]),
        why: 'in the top folder of the repository; the images were loaded into the node before',
        async run() {
          const text = await installChart(cluster)
          return { exitCode: 0, stdout: text, stderr: '', text }
        },
        wants: { exitCode: 0, says: [/STATUS: deployed/] },
      },
      {
        name: 'its pods run',
        ...byAdmin(['get', 'pods', '-n', 'lanyard-system']),
        why: 'the control plane decides, two injectors admit pods',
        wants: { exitCode: 0, says: [/lanyard-control-plane/, /lanyard-injector/] },
      },
      {
        name: 'its APIs are served',
        ...byAdmin(SERVED),
        why: 'one is for people, and through the other kube-apiserver asks about each new pod',
        wants: { exitCode: 0, says: [/v1alpha1\.admission\.lanyard\.dev condition met/] },
      },
      {
        name: 'a namespace opts in',
        ...byAdmin(['label', 'namespace', WATCHED, `${INJECTION_LABEL}=${INJECTION_ENABLED}`]),
        why: 'from now on every pod of this namespace gets the sidecar; RBAC stays as it is',
        wants: { exitCode: 0, says: [/namespace\/team labeled/] },
      },
    ],
  }
}

/** Paths of the repository as seen from its top, where npm runs. */
function shortened(word: string): string {
  return word.startsWith(`${REPOSITORY}/`) ? relative(REPOSITORY, word) : word
}
