import { isDeepStrictEqual } from 'node:util'
import { type AdmissionRequest, ALLOWED, type Review, refused } from './admission-review.ts'
import type { AdmittedWorkload, ChainClient } from './chain-client.ts'
import { controllerOf } from './parse-pod.ts'
import type { ObjectMeta } from './pod.ts'

/** What makes pods by itself, by group and resource. Keep in step with the chart's webhooks. */
const WORKLOADS = [
  '/replicationcontrollers',
  'apps/daemonsets',
  'apps/deployments',
  'apps/replicasets',
  'apps/statefulsets',
  'batch/cronjobs',
  'batch/jobs',
]

/** Whether an object that makes pods is created or changed. */
export function isWorkload({ kind, resource, subresource, operation }: AdmissionRequest): boolean {
  const changes = operation === 'CREATE' || operation === 'UPDATE'
  return changes && subresource === '' && WORKLOADS.includes(`${kind.group}/${resource}`)
}

/**
 * Validating admission of an object that makes pods: who made it, or who changed what it makes, is
 * put on record. The object itself is never changed, so that no rollout starts for Lanyard's sake.
 */
export async function validateWorkload(
  request: AdmissionRequest,
  chains: ChainClient,
): Promise<Review> {
  const { object, oldObject, operation } = request
  if (object === undefined) return refused('the object is missing')
  const change = changeOf(operation, object, oldObject)
  if (change === undefined) return ALLOWED
  const { uid = '', name = '' } = (object['metadata'] ?? {}) as ObjectMeta
  if (uid === '' || name === '') return refused('the object has no name or no UID yet')
  const { group, version, kind } = request.kind
  const workload: AdmittedWorkload = {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    name,
    uid,
    change,
  }
  await chains.recordWorkload(request, controllerOf(object), workload)
  return ALLOWED
}

/** What there is to record; undefined for a change that chooses no code. */
function changeOf(
  operation: string,
  object: AdmissionRequest['object'],
  oldObject: AdmissionRequest['oldObject'],
): AdmittedWorkload['change'] | undefined {
  if (operation === 'CREATE') return 'created'
  if (!isDeepStrictEqual(templateOf(object), templateOf(oldObject))) return 'template-changed'
  // A Deployment takes over ReplicaSets that fit, whoever made them. One that is let go stays put.
  const controller = controllerOf(object ?? {})?.uid
  const adopted = controller !== undefined && controller !== controllerOf(oldObject ?? {})?.uid
  return adopted ? 'adopted' : undefined
}

/** Everything of an object that chooses which code its pods run, and under which account. */
function templateOf(object: AdmissionRequest['object']): unknown {
  const spec = (object?.['spec'] ?? {}) as Readonly<Record<string, unknown>>
  const jobTemplate = spec['jobTemplate'] as { spec?: { template?: unknown } } | undefined
  return [
    spec['template'],
    jobTemplate?.spec?.template,
    spec['selector'],
    spec['volumeClaimTemplates'],
  ]
}
