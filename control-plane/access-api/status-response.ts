import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { resourceWithSubresource } from '../../core/kubernetes/request-attributes.ts'
import { failureStatus, faultStatus, type Status } from '../../core/kubernetes/status.ts'

/** A JSON response; clients must not keep it. */
export function jsonResponse(
  body: unknown,
  options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status: options.status ?? 200,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-cache, private',
      ...options.headers,
    },
  })
}

/** A failure with its code as the HTTP status. */
export function statusResponse(
  status: Status,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const retryAfterSeconds = status.details?.retryAfterSeconds
  const retry: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  return jsonResponse(status, { status: status.code, headers: { ...retry, ...headers } })
}

/** The answer to something that could not be done; the connection of a stranger is not kept. */
export function faultResponse(error: unknown): Response {
  const fault = Fault.from(error)
  const headers: Record<string, string> =
    fault.code === 'identity_unverified' ? { connection: 'close' } : {}
  return statusResponse(faultStatus(fault), headers)
}

/** The wording of kube-apiserver for a request that its authorizer refuses. */
export function forbiddenStatus(username: string, attributes: RequestAttributes): Status {
  const { verb, path, apiGroup, namespace, resource, name } = attributes
  if (!attributes.resourceRequest) {
    const message = `forbidden: User ${quote(username)} cannot ${verb} path ${quote(path)}`
    return failureStatus(403, 'Forbidden', message, {})
  }
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${quote(namespace)}`
  const what = name === '' ? '' : ` ${quote(name)}`
  const message = `${resource}.${apiGroup}${what} is forbidden: User ${quote(username)} cannot ${verb} resource ${quote(resourceWithSubresource(attributes))} in API group ${quote(apiGroup)} ${where}`
  return failureStatus(403, 'Forbidden', message, detailsOf(attributes))
}

/** An object that does not exist, or not in this namespace. */
export function objectNotFoundStatus(attributes: RequestAttributes): Status {
  const { resource, apiGroup, name } = attributes
  const message = `${resource}.${apiGroup} ${quote(name)} not found`
  return failureStatus(404, 'NotFound', message, detailsOf(attributes))
}

/** A path that leads nowhere. */
export function pathNotFoundStatus(): Status {
  return failureStatus(404, 'NotFound', 'the server could not find the requested resource', {})
}

/** Everything here is read-only. */
export function methodNotAllowedStatus(): Status {
  const message = 'the server does not allow this method on the requested resource'
  return failureStatus(405, 'MethodNotAllowed', message, {})
}

/** The client takes none of the forms that are offered. */
export function notAcceptableStatus(): Status {
  const message =
    'only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'
  return failureStatus(406, 'NotAcceptable', message, {})
}

/** A revision that cannot be told from; the client lists again. */
export function expiredStatus(requested: number, current: number): Status {
  const message = `too old resource version: ${requested} (${current})`
  return failureStatus(410, 'Expired', message)
}

/** A place in the log that was removed. */
export function goneStatus(message: string): Status {
  return failureStatus(410, 'Expired', message)
}

/** A revision that does not exist yet. Clients know the cause and list again. */
export function tooLargeResourceVersionStatus(requested: number, current: number): Status {
  const message = `Too large resource version: ${requested}, current: ${current}`
  return failureStatus(504, 'Timeout', message, {
    causes: [
      { reason: 'ResourceVersionTooLarge', field: '', message: 'Too large resource version' },
    ],
    retryAfterSeconds: 1,
  })
}

function detailsOf({ resource, apiGroup, name }: RequestAttributes): Status['details'] {
  return { ...(name === '' ? {} : { name }), group: apiGroup, kind: resource }
}

function quote(text: string): string {
  return JSON.stringify(text)
}
