import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { versionFlags } from '../cluster/binaries.ts'
import { findGo, goEnvironment } from '../cluster/go-toolchain.ts'
import { KUBERNETES_VERSIONS, type KubernetesVersion } from '../cluster/kubernetes-versions.ts'
import { ensureProgram, type Program, SOURCES } from '../cluster/program-cache.ts'
import type { Log } from '../cluster/progress.ts'
import { mustRun } from '../cluster/run-command.ts'

/** What is built of Kubernetes' own end-to-end suite. Paths. */
export interface SuitePrograms {
  /** The suite. */
  readonly e2e: string
  /** What runs the suite in several processes. */
  readonly ginkgo: string
  /** What most pods of the suite run. */
  readonly agnhost: string
  /** The folder of the certificate and the key that agnhost serves with. */
  readonly porter: string
}

const FOLDER = 'conformance'

/** The versions of Kubernetes whose suite can be built here: those with a module file. */
export const SUITE_VERSIONS: readonly KubernetesVersion[] = KUBERNETES_VERSIONS.filter((version) =>
  existsSync(join(SOURCES, FOLDER, `${version}.mod`)),
)

/**
 * Builds the suite of one version, unless the cache has it. Throws with the end of what the compiler said, and
 * for a version that is not one of `SUITE_VERSIONS`.
 */
export async function ensureSuitePrograms(
  version: KubernetesVersion,
  log: Log,
): Promise<SuitePrograms> {
  if (!SUITE_VERSIONS.includes(version)) {
    const known = SUITE_VERSIONS.join(', ')
    throw new Error(`The suite of Kubernetes ${version} is not pinned here; known are ${known}`)
  }
  const program = (target: string): Program => ({
    folder: FOLDER,
    files: [`${version}.mod`, `${version}.sum`],
    moduleFile: `${version}.mod`,
    tags: '',
    target,
    linkerFlags: versionFlags(version),
  })
  const e2e: Program = { ...program('k8s.io/kubernetes/test/e2e'), isTest: true }
  return {
    e2e: await ensureProgram('e2e.test', e2e, log),
    ginkgo: await ensureProgram('ginkgo', program('github.com/onsi/ginkgo/v2/ginkgo'), log),
    agnhost: await ensureProgram('agnhost', program('k8s.io/kubernetes/test/images/agnhost'), log),
    porter: await findPorter(version, log),
  }
}

/** In the sources of Kubernetes, which are downloaded where they are not there yet. */
async function findPorter(version: KubernetesVersion, log: Log): Promise<string> {
  const go = await findGo(log)
  const flags = [`-modfile=${version}.mod`, '-f', '{{.Dir}}']
  const folder = await mustRun(
    [go, 'list', ...flags, 'k8s.io/kubernetes/test/images/agnhost/porter'],
    {
      cwd: join(SOURCES, FOLDER),
      env: goEnvironment(go),
    },
  )
  return folder.trim()
}
