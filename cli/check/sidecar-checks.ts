import { whyOutsideSkew } from '../../core/version-skew.ts'
import type { CommandContext } from '../command/command-context.ts'
import type { ChainReader } from './chain-reader.ts'
import { type CheckOutcome, ok, warning } from './check-item.ts'
import { shortenLines } from './shorten-lines.ts'

const LINES_MAX = 20
const UNSAID = 'unknown'

/** A pod that runs. */
export interface RunningPod {
  readonly name: string
  readonly uid: string
}

/**
 * The sidecars of a namespace by version, and which are not supported beside a control plane of this
 * program's version. Pods that ended are on record too and do not count.
 */
export async function checkSidecarVersions(
  { version }: Pick<CommandContext, 'version'>,
  readChains: ChainReader,
  namespace: string,
  running: readonly RunningPod[],
): Promise<CheckOutcome> {
  const chains = await readChains(namespace)
  const versions = new Map(chains.map(({ spec }) => [spec.podUid, spec.sidecarVersion ?? '']))
  const pods = running.flatMap(({ name, uid }) => {
    const sidecar = versions.get(uid)
    return sidecar === undefined ? [] : [{ name, sidecar }]
  })
  const outside = pods.flatMap(({ name, sidecar }) => {
    const why = whyOutsideSkew(sidecar, version)
    const which = sidecar === '' ? 'its sidecar' : `its sidecar ${sidecar}`
    return why === undefined ? [] : [`pod ${name}: ${which} ${why}`]
  })
  const note = countVersions(pods.map(({ sidecar }) => sidecar || UNSAID))
  if (outside.length === 0) return ok(note)
  return warning(
    note,
    ...shortenLines(outside, LINES_MAX),
    'restart what these pods come from, so that they get the sidecar of the control plane',
  )
}

/** `3 of 0.1.0, 1 of 0.2.0` */
function countVersions(versions: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const version of versions) counts.set(version, (counts.get(version) ?? 0) + 1)
  const parts = [...counts].sort(([a], [b]) => a.localeCompare(b))
  return parts.length === 0
    ? 'no sidecar has enrolled'
    : parts.map(([version, count]) => `${count} of ${version}`).join(', ')
}
