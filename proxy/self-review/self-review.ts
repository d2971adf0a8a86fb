import type { RequestInfo } from '../../core/kubernetes/request-info.ts'
import type { AskChain } from './ask-chain.ts'
import type { JsonObject } from './json-object.ts'
import { narrowAccess } from './narrow-access.ts'
import { narrowRules } from './narrow-rules.ts'

type Narrow = (review: JsonObject, ask: AskChain) => Promise<JsonObject>

/** Reviews of what oneself may do, by their resource. Source: Kubernetes api/authorization/v1 (v1.34). */
const REVIEWS: ReadonlyMap<string, Narrow> = new Map([
  ['selfsubjectaccessreviews', narrowAccess],
  ['selfsubjectrulesreviews', narrowRules],
])

/**
 * How the API server's answer is narrowed to what the chain may do as well; undefined for every
 * request but one that asks what oneself may do.
 */
export function selfReviewOf({ attributes }: Pick<RequestInfo, 'attributes'>): Narrow | undefined {
  const { verb, apiGroup, resource, subresource } = attributes
  if (verb !== 'create' || apiGroup !== 'authorization.k8s.io' || subresource !== '') {
    return undefined
  }
  return REVIEWS.get(resource)
}
