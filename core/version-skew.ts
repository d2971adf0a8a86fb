/**
 * Version of the protocol between sidecar and control plane. It grows only when an older side would
 * read a message wrongly; what is merely added leaves it as it is.
 */
export const WIRE_VERSION = 1

/** What a side that says no version speaks: it is older than the question. */
const UNSAID_WIRE_VERSION = 1

/** Whether this build speaks a version of the protocol; 0 stands for a side that does not say. */
export function isKnownWireVersion(said: number): boolean {
  return (said === 0 ? UNSAID_WIRE_VERSION : said) === WIRE_VERSION
}

/** Minor versions that a sidecar may be behind the control plane: pods outlive an upgrade. */
const MINOR_VERSIONS_BEHIND_MAX = 1

/**
 * Why a sidecar of one version beside a control plane of another is not supported, as the end of a
 * sentence; undefined when it is. Versions are those of semver.org; their patches do not matter.
 */
export function whyOutsideSkew(sidecar: string, controlPlane: string): string | undefined {
  const pod = parseVersion(sidecar)
  const own = parseVersion(controlPlane)
  if (pod === undefined) return 'does not say its version, so it is older than 0.1'
  if (own === undefined) return `cannot be compared with the control plane's ${controlPlane}`
  if (pod.major !== own.major) return `is of another major version than ${controlPlane}`
  if (pod.minor > own.minor) return `is newer than the control plane (${controlPlane})`
  return own.minor - pod.minor <= MINOR_VERSIONS_BEHIND_MAX
    ? undefined
    : `is more than ${MINOR_VERSIONS_BEHIND_MAX} minor version behind the control plane (${controlPlane})`
}

function parseVersion(text: string): { major: number; minor: number } | undefined {
  const match = /^v?(\d{1,6})\.(\d{1,6})\.\d/.exec(text)
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) }
}
