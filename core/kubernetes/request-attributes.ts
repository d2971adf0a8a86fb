import type { ExecAttributes, PortForwardAttributes } from './exec-attributes.ts'

/** What is judged: the attributes that kube-apiserver's authorizer will see for the same request. */
export interface RequestAttributes {
  /** get list watch create update patch delete deletecollection; for other URLs the HTTP method in lower case. */
  readonly verb: string
  readonly resourceRequest: boolean
  readonly apiGroup: string
  readonly apiVersion: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** Path without the query. */
  readonly path: string
  /** Verbs that must be allowed besides `verb`: `create` for a server-side apply or an upgrade. */
  readonly alsoVerbs: readonly string[]
  /** Of an exec or attach: what is to run, and how. */
  readonly exec?: ExecAttributes
  /** Of a port-forward: to which ports. */
  readonly portForward?: PortForwardAttributes
}

/** What is judged of a URL outside the resource API. */
export function nonResourceAttributes(verb: string, path: string): RequestAttributes {
  return {
    ...{ verb, path, resourceRequest: false, apiGroup: '', apiVersion: '', resource: '' },
    ...{ subresource: '', namespace: '', name: '', alsoVerbs: [] },
  }
}

/** `pods/log`, as RBAC writes a resource with its subresource. */
export function resourceWithSubresource(attributes: RequestAttributes): string {
  const { resource, subresource } = attributes
  return subresource === '' ? resource : `${resource}/${subresource}`
}

/** Every verb that each principal must be allowed. */
export function judgedVerbs(attributes: RequestAttributes): readonly string[] {
  return [attributes.verb, ...attributes.alsoVerbs]
}
