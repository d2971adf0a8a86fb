import { SIDECAR_CONTAINER } from '../../core/names.ts'
import { whyNotProtectable } from '../../core/pods/eligibility.ts'
import type { NamespaceLimits } from '../../core/pods/namespace-limits.ts'
import type { Pod } from '../../core/pods/pod.ts'
import { whyNotServiceName } from '../../core/pods/service-name.ts'
import { whyNotResources } from '../../core/pods/sidecar-resources.ts'
import { type AdmissionRequest, type Review, refused } from '../admission/admission-review.ts'
import { podPatch } from '../admission/json-patch.ts'
import { controllerOf, parsePod } from '../admission/parse-pod.ts'
import type { ChainClient } from '../chains/chain-client.ts'
import { hintsOf, hintsOn, hintsThatFit, wrongHint } from '../injection/hint-annotations.ts'
import { injectSidecar } from '../injection/inject-sidecar.ts'
import { restoreInjection } from '../injection/restore-injection.ts'
import type { SidecarOptions } from '../injection/sidecar-container.ts'
import { settingVariable } from '../injection/sidecar-container.ts'
import type { Finding } from '../verification/sidecar-differences.ts'
import { verifyInjection } from '../verification/verify-injection.ts'
import { guessWebhook } from './known-webhooks.ts'

export interface PodReviewDeps {
  readonly chains: ChainClient
  readonly sidecar: Omit<SidecarOptions, 'controlPlaneAddress' | 'controlPlaneName'>
  /** Audiences of the API server besides the usual ones. */
  readonly apiAudiences: readonly string[]
  /** Where sidecars find the control plane. */
  readonly controlPlane: {
    readonly name: string
    current(): Promise<string>
    isKnown(address: string): Promise<boolean>
  }
  /** What a namespace asks of resources. */
  readonly limits: { limitsOf(namespace: string): Promise<NamespaceLimits> }
}

/** Mutating admission of a new pod: what injection makes of it, as a patch. */
export async function mutatePod(request: AdmissionRequest, deps: PodReviewDeps): Promise<Review> {
  const pod = parsePod(request.object)
  const refusal = whyRefused(pod, request, deps)
  if (refusal !== undefined) return refused(refusal)
  const limits = await deps.limits.limitsOf(request.namespace)
  const annotations = { ...limits.annotations, ...pod.metadata.annotations }
  const unusable = whyNotResources(annotations, deps.sidecar) ?? whyNotServiceName(annotations)
  if (unusable !== undefined) return refused(unusable)
  const address = await deps.controlPlane.current()
  const chain = await deps.chains.resolvePod(request, controllerOf(pod))
  const hints = hintsThatFit(pod, hintsOf(chain))
  const injected = injectSidecar(pod, optionsWith(deps, address), hints, limits)
  return { result: 'patched', patch: podPatch(pod, injected) }
}

/**
 * Mutating admission of a change to a pod: what injection wrote stays, where the change would put back
 * what the pod's author wrote in its place, as a second `kubectl apply` does.
 */
export async function mutatePodUpdate(request: AdmissionRequest): Promise<Review> {
  const [old, now] = [parsePod(request.oldObject), parsePod(request.object)]
  return { result: 'patched', patch: podPatch(now, restoreInjection(old, now)) }
}

/**
 * Validating admission of a pod: nothing that injection wrote was changed in a way that could hurt,
 * whatever markers the pod carries; then its UID is bound to its chain.
 */
export async function validatePod(request: AdmissionRequest, deps: PodReviewDeps): Promise<Review> {
  const pod = parsePod(request.object)
  const refusal = whyRefused(pod, request, deps)
  if (refusal !== undefined) return refused(refusal)
  const told = await addressOn(pod, deps)
  const { finding, notPointed } = verifyInjection(pod, optionsWith(deps, told), hintsOn(pod))
  if (finding !== undefined) return refused(changedAfterwards(pod, finding))
  const { name = '', uid = '' } = pod.metadata
  if (name === '' || uid === '') return refused('the pod has no name or no UID yet')
  const chain = await deps.chains.bindPod(request, controllerOf(pod), {
    podUid: uid,
    podName: name,
    serviceAccount: pod.spec.serviceAccountName ?? 'default',
  })
  const launchers = { ...chain, actors: chain.actors.slice(0, -1) }
  const hint = wrongHint(pod, hintsOf(launchers))
  if (hint !== undefined) {
    const field = `metadata.annotations.${hint}`
    return refused(changedAfterwards(pod, { field, why: 'is not what injection wrote' }))
  }
  const warnings = notPointed.map(noWay)
  return { result: 'allowed', ...(warnings.length === 0 ? {} : { warnings }) }
}

function optionsWith(deps: PodReviewDeps, controlPlaneAddress: string): SidecarOptions {
  const controlPlaneName = deps.controlPlane.name
  return { ...deps.sidecar, controlPlaneAddress, controlPlaneName }
}

/** The address that the sidecar has, if it is or was the control plane's; else what it should have. */
async function addressOn(pod: Pod, { controlPlane }: PodReviewDeps): Promise<string> {
  const sidecar = pod.spec.initContainers?.find(({ name }) => name === SIDECAR_CONTAINER)
  const told = sidecar?.env?.find(
    ({ name }) => name === settingVariable('controlPlaneAddress'),
  )?.value
  const known = told !== undefined && (await controlPlane.isKnown(told))
  return known ? told : controlPlane.current()
}

const ORDER =
  'mutating webhooks run in the order of their names, and again when the pod was changed: give its MutatingWebhookConfiguration a name before lanyard-injector, or let it leave out the container lanyard-sidecar'

function changedAfterwards(pod: Pod, { field, why }: Finding): string {
  const guess = guessWebhook(pod, containerAt(pod, field))
  const by =
    guess === undefined
      ? `perhaps by another webhook; ${ORDER}`
      : `as it seems by the webhook of ${guess.who}; ${guess.remedy}`
  return `the pod is not what injection made of it: ${field} was changed afterwards and ${why}, ${by}`
}

function containerAt({ spec }: Pod, field: string) {
  const [, list, index = ''] = /^spec\.(initContainers|containers)\[(\d+)\]/.exec(field) ?? []
  if (list === undefined) return undefined
  return (list === 'containers' ? spec.containers : spec.initContainers)?.[Number(index)]
}

function noWay(name: string): string {
  return `lanyard: the init container ${name} was added after injection and has no way to the API; where it needs one, ${ORDER}`
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
