import { isDeepStrictEqual } from 'node:util'
import { type PodTemplateBody, unreadableBody } from '../../core/commands/container-command.ts'
import { parseContainers } from '../../core/commands/parse-containers.ts'
import { isBuiltInController } from '../../core/kubernetes/built-in-controllers.ts'
import {
  apiVersionOf,
  KEPT_TEMPLATE,
  typeOf,
  WORKLOAD_KINDS,
} from '../../core/kubernetes/workload-kinds.ts'
import type { ObjectMeta } from '../../core/pods/pod.ts'
import { changedPaths } from '../../core/templates/changed-paths.ts'
import { codeDigest } from '../../core/templates/code-digest.ts'
import { codeOf } from '../../core/templates/code-of.ts'
import type { NeutralKeyCheck } from '../../core/templates/neutral-keys.ts'
import { STATUS_DECIDES } from '../../core/templates/workload-fields.ts'
import {
  type AdmissionRequest,
  ALLOWED,
  type Review,
  refused,
} from '../admission/admission-review.ts'
import { controllerOf } from '../admission/parse-pod.ts'
import type { ChainClient, WorkloadChange, WorkloadToRecord } from '../chains/chain-client.ts'

/** What makes pods by itself, and the templates that are kept for it, by group and resource. */
const WORKLOADS = [...WORKLOAD_KINDS, KEPT_TEMPLATE].map(
  ({ group, resource }) => `${group}/${resource}`,
)

/** Whether an object that makes pods, or its status, is created or changed. */
export function isWorkload({ kind, resource, subresource, operation }: AdmissionRequest): boolean {
  const changes = operation === 'CREATE' || operation === 'UPDATE'
  const whole = subresource === '' || subresource === 'status'
  return changes && whole && WORKLOADS.includes(`${kind.group}/${resource}`)
}

/**
 * Validating admission of an object that makes pods: who made it, who changed what it makes, and who
 * only restarted or scaled it, is put on record. The object itself is never changed, so that no rollout
 * starts for Lanyard's sake.
 */
export async function validateWorkload(
  request: AdmissionRequest,
  chains: Pick<ChainClient, 'recordWorkload'>,
  isNeutralKey: NeutralKeyCheck,
): Promise<Review> {
  const { object } = request
  if (object === undefined) return refused('the object is missing')
  const change = changeOf(request, object, isNeutralKey)
  if (change === undefined) return ALLOWED
  const { uid = '', name = '', generation } = (object['metadata'] ?? {}) as ObjectMeta
  if (uid === '' || name === '') return refused('the object has no name or no UID yet')
  const workload: WorkloadToRecord = {
    apiVersion: apiVersionOf(request.kind),
    kind: request.kind.kind,
    name,
    uid,
    generation: typeof generation === 'number' ? generation : 0,
    codeDigest: codeDigest(typeOf(request.kind), object),
  }
  const template =
    change.what === 'created' || change.what === 'template-changed' ? templateOf(object) : undefined
  await chains.recordWorkload(request, controllerOf(object), workload, change, template)
  return ALLOWED
}

/** What its pods would run, whatever patch the object came from. */
function templateOf(object: unknown): PodTemplateBody {
  const commands = parseContainers(object, 'whole')
  if (typeof commands === 'string') return unreadableBody(commands)
  return { commands, problem: '', wrongMediaType: false }
}

/** What there is to record; undefined when nobody has to know. */
function changeOf(
  { operation, oldObject, user, kind, subresource }: AdmissionRequest,
  object: NonNullable<AdmissionRequest['object']>,
  isNeutralKey: NeutralKeyCheck,
): WorkloadChange | undefined {
  if (operation === 'CREATE') return { what: 'created' }
  const before = oldObject ?? {}
  const type = typeOf(kind)
  const byController = isBuiltInController(user)
  // A Deployment adopts ReplicaSets that fit, and a set adopts revisions, whoever made them. An object
  // that is released keeps its record.
  const controller = controllerOf(object)?.uid
  const adopted = controller !== undefined && controller !== controllerOf(before)?.uid
  if (byController) {
    if (adopted) return { what: 'adopted' }
    // Of a rollback: whoever wrote what is copied is on record, and when it was copied.
    return sameTemplate(object, before) ? undefined : { what: 'template-changed' }
  }
  const decides = subresource === 'status' && STATUS_DECIDES.has(type)
  const sameStatus = !decides || isDeepStrictEqual(object['status'], before['status'])
  const codes = [object, before].map((one) => codeOf(type, one, isNeutralKey))
  if (!sameStatus || !isDeepStrictEqual(codes[0], codes[1])) return { what: 'template-changed' }
  const fields = changedPaths(before['spec'], object['spec'])
  return fields.length === 0 ? undefined : { what: 'touched', fields }
}

function sameTemplate(
  object: AdmissionRequest['object'],
  before: AdmissionRequest['object'],
): boolean {
  const [one, other] = [object, before].map(
    (whole) => ((whole?.['spec'] ?? {}) as Readonly<Record<string, unknown>>)['template'],
  )
  return isDeepStrictEqual(one, other)
}
