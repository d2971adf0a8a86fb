import {
  ACCESS_GRANTS,
  ACCESS_REQUESTS,
  type AccessGrantObject,
  type AccessRequestContentObject,
  type AccessRequestObject,
  type ApproveBody,
} from '../objects/access-request-object.ts'
import { accessPath } from './access-client.ts'
import type { KubernetesClient } from './kubernetes-client.ts'

/** One request. Throws `not_found`. */
export function getAccessRequest(
  client: KubernetesClient,
  namespace: string,
  name: string,
): Promise<AccessRequestObject> {
  return client.get(accessPath(ACCESS_REQUESTS, namespace, name))
}

/** What exactly is to be sent, and what the user may do about it. */
export function getContent(
  client: KubernetesClient,
  request: AccessRequestObject,
): Promise<AccessRequestContentObject> {
  return client.get(`${pathOf(request)}/content`)
}

/** Approves. Resolves with the request as it is then: still pending when others have to approve too. */
export function approveRequest(
  client: KubernetesClient,
  request: AccessRequestObject,
  body: ApproveBody,
): Promise<AccessRequestObject> {
  return client.post(`${pathOf(request)}/approve`, body)
}

/** Denies, for good. */
export function denyRequest(
  client: KubernetesClient,
  request: AccessRequestObject,
  reason: string,
): Promise<AccessRequestObject> {
  return client.post(`${pathOf(request)}/deny`, { digest: request.spec.digest, reason })
}

/** Takes the request back, for who asked for it. */
export function cancelRequest(
  client: KubernetesClient,
  request: AccessRequestObject,
  reason: string,
): Promise<AccessRequestObject> {
  return client.post(`${pathOf(request)}/cancel`, { reason })
}

/** Ends a grant and, within two seconds, what it opened. */
export function revokeGrant(
  client: KubernetesClient,
  { metadata }: AccessGrantObject,
  reason: string,
): Promise<AccessGrantObject> {
  const path = accessPath(ACCESS_GRANTS, metadata.namespace, metadata.name)
  return client.delete(path, { reason: reason === '' ? undefined : reason })
}

function pathOf({ metadata }: AccessRequestObject): string {
  return accessPath(ACCESS_REQUESTS, metadata.namespace, metadata.name)
}
