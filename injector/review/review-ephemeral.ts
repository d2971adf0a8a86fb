import { isDeepStrictEqual } from 'node:util'
import { SIDECAR_CONTAINER } from '../../core/names.ts'
import { whyNotContainer } from '../../core/pods/eligibility.ts'
import type { Container } from '../../core/pods/pod.ts'
import { RESERVED_VOLUMES } from '../../core/pods/sidecar-contract.ts'
import {
  type AdmissionRequest,
  ALLOWED,
  type Review,
  refused,
} from '../admission/admission-review.ts'
import { parsePod } from '../admission/parse-pod.ts'
import type { ChainClient } from '../chains/chain-client.ts'

type EphemeralContainer = Container & { readonly targetContainerName?: string }

/**
 * Ephemeral containers join a pod that runs: they must not see the sidecar or what it keeps. Whoever adds
 * one is put on record as a co-requester of the pod before it starts.
 */
export async function validateEphemeral(
  request: AdmissionRequest,
  chains: Pick<ChainClient, 'recordVisit'>,
): Promise<Review> {
  const { metadata, spec } = parsePod(request.object)
  const containers = spec.ephemeralContainers ?? []
  for (const container of containers) {
    const reason = whyNotEphemeral(container)
    if (reason !== undefined) return refused(reason)
  }
  const before = parsePod(request.oldObject).spec.ephemeralContainers ?? []
  if (isDeepStrictEqual(containers, before)) return ALLOWED
  const { name = '', uid = '' } = metadata
  if (name === '' || uid === '') return refused('the pod has no name or no UID yet')
  await chains.recordVisit(request, { podName: name, podUid: uid, kind: 'ephemeralcontainers' })
  return ALLOWED
}

/**
 * Reaches only processes of the container's own PID namespace: its own, or those of the one container that
 * it targets. Pods that share one among all containers carry no sidecar.
 */
const HARMLESS = 'SYS_PTRACE'
/** What reads or turns the packets of all containers of the pod, loopback included. */
const ON_THE_WIRE = ['NET_ADMIN', 'NET_RAW', 'ALL']

const INSTEAD =
  'use kubectl debug with the profile general, baseline or restricted, or debug a copy of the pod in a namespace without Lanyard'

function whyNotEphemeral(container: EphemeralContainer): string | undefined {
  const { name, targetContainerName, securityContext = {} } = container
  if (name === SIDECAR_CONTAINER || targetContainerName === SIDECAR_CONTAINER) {
    return `the ephemeral container ${name} reaches into Lanyard's sidecar; target another container, or none`
  }
  const mount = (container.volumeMounts ?? []).find((item) => RESERVED_VOLUMES.includes(item.name))
  if (mount !== undefined) {
    return `the ephemeral container ${name} mounts Lanyard's volume ${mount.name}`
  }
  if (securityContext.privileged === true) {
    return `the ephemeral container ${name} is privileged, and so reaches the sidecar and the credentials that it keeps; ${INSTEAD}`
  }
  const added = (securityContext.capabilities?.add ?? []).map(withoutPrefix)
  const wire = added.find((capability) => ON_THE_WIRE.includes(capability))
  if (wire !== undefined) {
    return `the ephemeral container ${name} adds the capability ${wire}, with which what the containers of the pod say to Lanyard's sidecar can be read and redirected; ${INSTEAD}`
  }
  const add = added.filter((capability) => capability !== HARMLESS)
  const capabilities = { ...securityContext.capabilities, add }
  return whyNotContainer({ ...container, securityContext: { ...securityContext, capabilities } })
}

/** Runtimes take both spellings. */
function withoutPrefix(capability: string): string {
  return capability.replace(/^CAP_/, '')
}
