import { KUBERNETES_RELEASES, type KubernetesVersion } from './kubernetes-versions.ts'
import { ensureProgram, type Program, programPath } from './program-cache.ts'
import type { Log } from './progress.ts'

export interface Binaries {
  /** Every component of Kubernetes; the first argument says which. */
  readonly kube: string
  readonly kubectl: string
  readonly helm: string
  readonly coredns: string
  readonly pause: string
}

export type ProgramName = keyof Binaries

const VERSION_PACKAGE = 'k8s.io/component-base/version'
const STRIPPED = '-s -w'
/** Where kubectl's user agent comes from. */
const CLIENT_VERSION_PACKAGE = 'k8s.io/client-go/pkg/version'
const PROGRAM_NAMES: readonly ProgramName[] = ['kube', 'kubectl', 'coredns', 'helm', 'pause']

/**
 * Builds what is not in the cache yet of the programs of one version. Two runs at the same time build once: the
 * second waits for the first. Throws with the end of what the compiler said.
 */
export async function ensureBinaries(version: KubernetesVersion, log: Log): Promise<Binaries> {
  const found: Partial<Record<ProgramName, string>> = {}
  for (const name of PROGRAM_NAMES) {
    found[name] = await ensureProgram(name, programOf(name, version), log)
  }
  return found as Binaries
}

/** Builds kubectl of one version if it is not in the cache yet, and returns its path. Throws as `ensureBinaries` does. */
export function ensureKubectl(version: KubernetesVersion, log: Log): Promise<string> {
  return ensureProgram('kubectl', programOf('kubectl', version), log)
}

/** Where the cache has a program, or will have it: each version of Kubernetes has programs of its own. */
export function binaryPath(name: ProgramName, version: KubernetesVersion): string {
  return programPath(name, programOf(name, version))
}

function programOf(name: ProgramName, version: KubernetesVersion): Program {
  const plain = { moduleFile: '', tags: '', linkerFlags: STRIPPED }
  switch (name) {
    case 'kube':
      return kubernetesProgram(version, '.')
    case 'kubectl':
      return kubernetesProgram(version, 'k8s.io/kubernetes/cmd/kubectl')
    case 'coredns':
      return { ...plain, folder: name, files: ['main.go', 'go.mod', 'go.sum'], target: '.' }
    case 'helm': {
      const files = ['tool.go', 'go.mod', 'go.sum']
      return { ...plain, folder: name, files, target: 'helm.sh/helm/v3/cmd/helm' }
    }
    case 'pause':
      return { ...plain, folder: name, files: ['main.go', 'go.mod'], target: '.' }
    default:
      return name satisfies never
  }
}

function kubernetesProgram(version: KubernetesVersion, target: string): Program {
  const moduleFile = `${version}.mod`
  return {
    folder: 'kube',
    files: ['main.go', 'kubelet.go', 'kubelet_1_30.go', moduleFile, `${version}.sum`],
    moduleFile,
    tags: `kubernetes_${version.replace('.', '_')}`,
    target,
    linkerFlags: versionFlags(version),
  }
}

/** The linker's flags that tell a program which Kubernetes it is. */
export function versionFlags(version: KubernetesVersion): string {
  const release = `v${KUBERNETES_RELEASES[version]}`
  const [major, minor] = version.split('.')
  return [
    STRIPPED,
    `-X ${VERSION_PACKAGE}.gitVersion=${release}`,
    `-X ${VERSION_PACKAGE}.gitMajor=${major}`,
    `-X ${VERSION_PACKAGE}.gitMinor=${minor}`,
    `-X ${CLIENT_VERSION_PACKAGE}.gitVersion=${release}`,
    `-X ${CLIENT_VERSION_PACKAGE}.gitCommit=`,
  ].join(' ')
}
