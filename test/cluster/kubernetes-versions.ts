/**
 * Each minor version of Kubernetes that the test cluster can be, and which patch release that is: the
 * newest of that minor that was built when its module file (go/kube/MINOR.mod) was made.
 */
export const KUBERNETES_RELEASES = {
  '1.30': '1.30.14',
  '1.34': '1.34.4',
  '1.37': '1.37.2',
} as const

export type KubernetesVersion = keyof typeof KUBERNETES_RELEASES

export const KUBERNETES_VERSIONS = Object.keys(KUBERNETES_RELEASES) as readonly KubernetesVersion[]

/** What the oldest cluster that Lanyard supports runs. */
export const OLDEST_KUBERNETES: KubernetesVersion = '1.30'
/** What `npm run cluster -- up` starts and the tests run on, unless told otherwise. */
export const DEFAULT_KUBERNETES: KubernetesVersion = '1.37'

/** Names the version for the test cluster and for every test that uses a real Kubernetes. */
export const KUBERNETES_VARIABLE = 'LANYARD_TEST_KUBERNETES'

/**
 * A version as a person writes it: `1.37`, `v1.37`, or the whole release that is known here. Throws
 * with those that are known.
 */
export function parseKubernetesVersion(text: string): KubernetesVersion {
  const wanted = text.replace(/^v/, '')
  const found = KUBERNETES_VERSIONS.find(
    (version) => version === wanted || KUBERNETES_RELEASES[version] === wanted,
  )
  if (found !== undefined) return found
  throw new Error(`There is no Kubernetes "${text}" here; known are ${known()}`)
}

/**
 * The version that the environment names, else the default. Throws when the one it names is not known.
 */
export function chosenKubernetes(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): KubernetesVersion {
  const text = environment[KUBERNETES_VARIABLE] ?? ''
  if (text === '') return DEFAULT_KUBERNETES
  try {
    return parseKubernetesVersion(text)
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    throw new Error(`${KUBERNETES_VARIABLE}: ${words}`, { cause: error })
  }
}

function known(): string {
  return KUBERNETES_VERSIONS.map((version) => {
    const isDefault = version === DEFAULT_KUBERNETES ? ', the default' : ''
    return `${version} (${KUBERNETES_RELEASES[version]}${isDefault})`
  }).join(', ')
}
