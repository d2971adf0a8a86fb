import type { HeldRequest, HeldRule, TargetObject } from '../../core/approvals/access-request.ts'
import { canonicalRequest, sha256Hex } from '../../core/approvals/request-digest.ts'
import type { Question } from '../../core/authorization/question.ts'
import { impersonatedUser } from '../../core/kubernetes/impersonation.ts'
import { judgedVerbs, type RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { isTunnel } from '../../core/policy/record-tunnels.ts'
import type { TargetReader } from '../kubernetes/target-reader.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

/** What of a request only its sidecar sees. */
export type SentParts = Pick<
  HeldRequest,
  'method' | 'target' | 'contentType' | 'bodyBytes' | 'bodySha256'
>

/** Everything that is approved of one request of a pod. `object` is undefined where the request has none. */
export function toHeldRequest(
  binding: PodBinding,
  question: Question,
  sent: SentParts,
  object: TargetObject | undefined,
): HeldRequest | undefined {
  const { chain, cluster } = binding
  const caller = chain.actors.at(-1)
  if (caller === undefined) return undefined
  const { attributes, container, impersonation } = question
  const { method, target, contentType, bodyBytes, bodySha256 } = sent
  const tunnel = isTunnel(attributes)
  return {
    ...{ cluster: cluster.id, chain, caller, container, attributes },
    ...(impersonation === undefined ? {} : { impersonated: impersonatedUser(impersonation) }),
    ...(tunnel ? { method: '', target: '' } : { method, target }),
    ...{ contentType, bodyBytes, bodySha256 },
    ...(object === undefined ? {} : { object }),
  }
}

/** The text that is approved and its digest. */
export function digestOf(held: HeldRequest, rules: readonly HeldRule[]) {
  const canonical = canonicalRequest(held, rules)
  return { canonical, digest: sha256Hex(canonical) }
}

const READS = ['get', 'list', 'watch']

/**
 * The object that a request changes or reaches into; undefined where it has none: it reads, makes one that is not
 * named yet, is about many, or about no object at all.
 */
export async function readObject(
  attributes: RequestAttributes,
  readTarget: TargetReader,
): Promise<TargetObject | undefined> {
  const isRead = judgedVerbs(attributes).every((verb) => READS.includes(verb))
  const isOne = attributes.resourceRequest && attributes.name !== ''
  return isOne && !isRead ? readTarget(attributes) : undefined
}
