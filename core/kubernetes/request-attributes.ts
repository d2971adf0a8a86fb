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
