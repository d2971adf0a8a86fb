import { SIDECAR_CONTAINER } from '../core/names.ts'
import { type AdmissionRequest, ALLOWED, type Review, refused } from './admission-review.ts'
import { whyNotContainer } from './eligibility.ts'
import { parsePod } from './parse-pod.ts'
import { RESERVED_VOLUMES } from './sidecar-contract.ts'

/** Ephemeral containers join a pod that runs: they must not see the sidecar or what it keeps. */
export function validateEphemeral(request: AdmissionRequest): Review {
  for (const container of parsePod(request.object).spec.ephemeralContainers ?? []) {
    const { name, targetContainerName } = container
    if (name === SIDECAR_CONTAINER || targetContainerName === SIDECAR_CONTAINER) {
      return refused(`the ephemeral container ${name} reaches into Lanyard's sidecar`)
    }
    const mount = (container.volumeMounts ?? []).find((item) =>
      RESERVED_VOLUMES.includes(item.name),
    )
    if (mount !== undefined) {
      return refused(`the ephemeral container ${name} mounts Lanyard's volume ${mount.name}`)
    }
    const reason = whyNotContainer(container)
    if (reason !== undefined) return refused(reason)
  }
  return ALLOWED
}
