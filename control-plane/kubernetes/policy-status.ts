import {
  CustomObjectsApi,
  type KubeConfig,
  type KubernetesObject,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { ParsedPolicy } from '../../core/policy/parse-access-policy.ts'
import type { Logger } from '../../platform/logger.ts'

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly observedGeneration: number
  readonly lastTransitionTime: string
}

type WithStatus = KubernetesObject & {
  readonly status?: { readonly conditions?: readonly Condition[] }
}

/** Tells whoever wrote a policy whether it holds: condition `Accepted` of its status. */
export function createPolicyStatusWriter(
  config: KubeConfig,
  logger: Logger,
): (object: KubernetesObject, parsed: ParsedPolicy) => void {
  const api = config.makeApiClient(CustomObjectsApi)
  return function writeStatus(object: WithStatus, parsed) {
    const generation = object.metadata?.generation ?? 0
    const wanted = toCondition(parsed, generation)
    const known = object.status?.conditions?.find(({ type }) => type === 'Accepted')
    if (
      known?.observedGeneration === generation &&
      known.status === wanted.status &&
      known.message === wanted.message
    )
      return
    const request = {
      group: LANYARD_GROUP,
      version: 'v1alpha1',
      plural: 'accesspolicies',
      name: object.metadata?.name ?? '',
      body: { status: { conditions: [wanted] } },
    }
    const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
    api.patchClusterCustomObjectStatus(request, mergePatch).catch((error: unknown) => {
      // Recorded only: the policy holds, or is refused, whether or not its status says so.
      logger.warn({ error, policy: request.name }, 'Cannot write the status of a policy')
    })
  }
}

function toCondition(parsed: ParsedPolicy, generation: number): Condition {
  const common = {
    type: 'Accepted',
    observedGeneration: generation,
    lastTransitionTime: new Date().toISOString(),
  }
  if (parsed.ok) {
    return { ...common, status: 'True', reason: 'Valid', message: 'The policy is in force' }
  }
  const problems = parsed.invalid.problems.join('; ')
  const message = `The policy is not valid, and its subjects may do nothing until it is: ${problems}`
  return { ...common, status: 'False', reason: 'Invalid', message }
}
