import type { DelegationChain } from '../core/chain.ts'
import { escapeText } from '../core/escape-text.ts'
import { CHAIN_ANNOTATION, ROOT_REQUESTER_ANNOTATION } from '../core/names.ts'
import { type AdmissionRequest, type Review, refused } from './admission-review.ts'
import type { ChainClient } from './chain-client.ts'
import { whyNotProtectable } from './eligibility.ts'
import { injectSidecar } from './inject-sidecar.ts'
import { firstDifference, podPatch } from './json-patch.ts'
import { controllerOf, parsePod } from './parse-pod.ts'
import type { Pod } from './pod.ts'
import type { SidecarOptions } from './sidecar-container.ts'

export interface PodReviewDeps {
  readonly chains: ChainClient
  readonly sidecar: SidecarOptions
  /** Audiences of the API server besides the usual ones. */
  readonly apiAudiences: readonly string[]
}

/** Mutating admission of a pod: what injection makes of it, as a patch. */
export async function mutatePod(request: AdmissionRequest, deps: PodReviewDeps): Promise<Review> {
  const pod = parsePod(request.object)
  const refusal = whyRefused(pod, request, deps)
  if (refusal !== undefined) return refused(refusal)
  const chain = await deps.chains.resolvePod(request, controllerOf(pod))
  return {
    result: 'patched',
    patch: podPatch(pod, injectSidecar(pod, deps.sidecar, hintsOf(chain))),
  }
}

/**
 * Validating admission of a pod: the final object must be exactly what injection makes of it,
 * whatever markers it carries; then its UID is bound to its chain.
 */
export async function validatePod(request: AdmissionRequest, deps: PodReviewDeps): Promise<Review> {
  const pod = parsePod(request.object)
  const refusal = whyRefused(pod, request, deps)
  if (refusal !== undefined) return refused(refusal)
  const hints = ownHints(pod)
  const difference = firstDifference(injectSidecar(pod, deps.sidecar, hints), pod)
  if (difference !== undefined) return refused(changedAfterwards(difference.slice(1)))
  const { name = '', uid = '' } = pod.metadata
  if (name === '' || uid === '') return refused('the pod has no name or no UID yet')
  const chain = await deps.chains.bindPod(request, controllerOf(pod), {
    podUid: uid,
    podName: name,
    serviceAccount: pod.spec.serviceAccountName ?? 'default',
  })
  // A hint that says something else than the record would mislead whoever reads it.
  const launchers = { ...chain, actors: chain.actors.slice(0, -1) }
  const hint = firstDifference(hintsOf(launchers), hints)
  return hint === undefined ? { result: 'allowed' } : refused(changedAfterwards(hint.slice(1)))
}

/** The two hints as they stand on the pod. */
function ownHints(pod: Pod): Readonly<Record<string, string>> {
  const annotations = Object.entries(pod.metadata.annotations ?? {})
  return Object.fromEntries(
    annotations.filter(([key]) => key === ROOT_REQUESTER_ANNOTATION || key === CHAIN_ANNOTATION),
  )
}

function changedAfterwards(field: string): string {
  return `the pod is not what injection made of it: ${field} was changed afterwards, perhaps by another webhook`
}

function whyRefused(
  pod: Pod,
  request: AdmissionRequest,
  deps: Pick<PodReviewDeps, 'apiAudiences'>,
): string | undefined {
  const mirror = pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined
  if (mirror) {
    return `mirror pods run what a node was told, without a chain; not in the namespace ${request.namespace}`
  }
  return whyNotProtectable(pod, deps.apiAudiences)
}

/** What people may read on a pod. It grants nothing: the record is keyed by the pod's UID. */
export function hintsOf(chain: DelegationChain): Readonly<Record<string, string>> {
  const root = escapeText(chain.rootRequester.username)
  const steps = chain.actors.map(({ namespace, name }) => `${namespace}/${name}`)
  return {
    [ROOT_REQUESTER_ANNOTATION]: root,
    [CHAIN_ANNOTATION]: [root, ...steps].join(' > '),
  }
}
