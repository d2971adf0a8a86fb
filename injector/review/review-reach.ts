import type { VisitKind } from '../../core/chain-visits.ts'
import { FAULTS, Fault } from '../../core/fault.ts'
import { SIDECAR_CONTAINER } from '../../core/names.ts'
import { allContainers, type Pod } from '../../core/pods/pod.ts'
import type { Logger } from '../../platform/logger.ts'
import {
  type AdmissionRequest,
  ALLOWED,
  type Review,
  refused,
} from '../admission/admission-review.ts'
import { parsePod } from '../admission/parse-pod.ts'
import type { ChainClient } from '../chains/chain-client.ts'

/** Subresources by which a person reaches into a pod, which admission sees as CONNECT. */
const VISITS: Readonly<Record<string, VisitKind>> = {
  exec: 'exec',
  attach: 'attach',
  portforward: 'portforward',
}

/** Whether somebody opens a way into a pod. */
export function isVisit({ operation, resource, subresource }: AdmissionRequest): boolean {
  return operation === 'CONNECT' && resource === 'pods' && Object.hasOwn(VISITS, subresource)
}

export interface VisitDeps {
  readonly chains: Pick<ChainClient, 'recordVisit'>
  /** What becomes of a visit while it cannot be put on record. */
  readonly visitFailurePolicy: 'Fail' | 'Ignore'
  readonly logger: Pick<Logger, 'warn'>
}

/**
 * Validating admission of a way into a pod: who asks is put on the pod's record before kube-apiserver opens
 * it, and nobody is refused for it. Admission sees the name only; the control plane finds the UID. Throws
 * while there is no record, unless the policy lets such visits pass: then the log says whose it was.
 */
export async function validateVisit(
  request: AdmissionRequest,
  { chains, visitFailurePolicy, logger }: VisitDeps,
): Promise<Review> {
  const kind = VISITS[request.subresource]
  if (kind === undefined || request.name === '') return refused('the request names no pod')
  try {
    await chains.recordVisit(request, { podName: request.name, podUid: '', kind })
  } catch (error) {
    // Recorded, in the log alone: only for want of an answer, never against one.
    const fault = Fault.from(error)
    if (visitFailurePolicy === 'Fail' || !FAULTS[fault.code].retry) throw fault
    const { user, namespace, name: pod } = request
    const { username } = user
    logger.warn(
      { error: fault, username, namespace, pod, kind },
      'Reached into a pod without a record',
    )
  }
  return ALLOWED
}

/** Whether a pod that exists is changed, but for its subresources. */
export function isPodUpdate({ kind, resource, subresource, operation }: AdmissionRequest): boolean {
  return kind.group === '' && resource === 'pods' && subresource === '' && operation === 'UPDATE'
}

/**
 * Validating admission of a change of a pod that runs. Images are all of its code that can be changed: the
 * sidecar's never is, and whoever changes another is a co-requester of the pod from then on.
 */
export async function validatePodUpdate(
  request: AdmissionRequest,
  chains: Pick<ChainClient, 'recordVisit'>,
): Promise<Review> {
  const pod = parsePod(request.object)
  const changed = changedImages(parsePod(request.oldObject), pod)
  if (changed.length === 0) return ALLOWED
  if (changed.includes(SIDECAR_CONTAINER)) {
    return refused(
      "the image of Lanyard's sidecar cannot be changed in a pod that runs; recreate it",
    )
  }
  const { name = '', uid = '' } = pod.metadata
  if (name === '' || uid === '') return refused('the pod has no name or no UID yet')
  await chains.recordVisit(request, { podName: name, podUid: uid, kind: 'image' })
  return ALLOWED
}

/** Names of containers that have another image than before, or were not there. */
function changedImages(before: Pod, after: Pod): readonly string[] {
  const images = new Map(allContainers(before.spec).map(({ name, image }) => [name, image]))
  return allContainers(after.spec)
    .filter(({ name, image }) => !images.has(name) || images.get(name) !== image)
    .map(({ name }) => name)
}
