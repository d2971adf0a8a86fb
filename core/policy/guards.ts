import { OWN_AUDIENCES } from '../kubernetes/api-audiences.ts'
import { type CredentialBody, hasCredentialBody } from '../kubernetes/credential-body.ts'
import { isImpersonationVerb } from '../kubernetes/impersonation.ts'
import { judgedVerbs, type RequestAttributes } from '../kubernetes/request-attributes.ts'
import { SIDECAR_CONTAINER } from '../names.ts'
import { GUARDS, type GuardName, INSTEAD } from './guard-names.ts'
import { isOrAll, protectedObjectsHit, useOf } from './match-protected-objects.ts'

/** What guards need to know beyond the request itself. */
export interface GuardFacts {
  /** Whether pods of the request's namespace get the sidecar. False when it is not known. */
  readonly namespaceInjected: boolean
  /** Container that an exec, attach or log request names; empty when it names none. */
  readonly targetContainer: string
  /**
   * Whether the pod that the request names has the same root requester as the caller; `unknown`
   * when it is not on record. Only read for requests that reach into a pod.
   */
  readonly targetRoot: 'same' | 'other' | 'unknown'
  /**
   * What a TokenRequest or a new Secret makes: a credential that the API server takes, or `none`. Absent
   * when its body was not or could not be read.
   */
  readonly makes?: 'credential' | 'none'
}

/**
 * The guards that a request runs into; empty for most. A request that runs into one is denied
 * unless a matching Allow rule lifts it by name, whoever allowed the rest.
 */
export function guardsHit(attributes: RequestAttributes, facts: GuardFacts): readonly GuardName[] {
  if (!attributes.resourceRequest) return []
  const objects = protectedObjectsHit(attributes, facts.namespaceInjected)
  return (Object.keys(GUARDS) as GuardName[]).filter(
    (name) =>
      objects.some(({ guard }) => guard === name) || CHECKS[name]?.(attributes, facts) === true,
  )
}

/** What a refused caller is told of a guard: its sentence, and which object was in the way and why, or what to do instead. */
export function explainGuard(name: GuardName, attributes: RequestAttributes): string {
  const found = protectedObjectsHit(attributes, false).find(({ guard }) => guard === name)
  const why = found === undefined ? [] : [found.why]
  const said = name === 'impersonation' || found?.why.includes('; ') === true
  return [GUARDS[name], ...why, ...(said ? [] : [INSTEAD[name]])].join('; ')
}

type GuardCheck = (attributes: RequestAttributes, facts: GuardFacts) => boolean

/** Guards of what depends on more than which object a request reaches. */
const CHECKS: Readonly<Partial<Record<GuardName, GuardCheck>>> = {
  credentials: (request, facts) => makesCredential(request, facts),
  impersonation: (request) => judgedVerbs(request).some(isImpersonationVerb),
  'foreign-pod': (request, { targetRoot }) => reachesIntoPod(request) && targetRoot !== 'same',
  sidecar: (request, { targetContainer }) =>
    request.apiGroup === '' &&
    request.resource === 'pods' &&
    targetContainer === SIDECAR_CONTAINER &&
    request.subresource !== 'log',
}

/**
 * A token for others than the API server is theirs. A Secret of which nothing is known may be a token where
 * nothing is injected; elsewhere the admission policies see what it is.
 */
function makesCredential(request: RequestAttributes, facts: GuardFacts): boolean {
  const { apiGroup, resource, subresource, verb } = request
  const isToken =
    isOrAll(apiGroup, '') && isOrAll(resource, 'serviceaccounts') && isOrAll(subresource, 'token')
  if (isToken) return verb !== 'create' || facts.makes !== 'none'
  if (resource !== 'secrets' || !hasCredentialBody(request)) return false
  return facts.makes === 'credential' || (facts.makes === undefined && !facts.namespaceInjected)
}

/**
 * What a request makes by its body. `apiAudiences` are those that the API server of this cluster takes
 * besides the usual ones; while they are not known, each token may be for it.
 */
export function whatBodyMakes(
  body: CredentialBody | undefined,
  request: Pick<RequestAttributes, 'resource'>,
  apiAudiences: readonly string[] | undefined,
): 'credential' | 'none' | undefined {
  if (body === undefined) return undefined
  if (request.resource === 'secrets') {
    return CREDENTIAL_SECRETS.includes(body.secretType) ? 'credential' : 'none'
  }
  if (apiAudiences === undefined) return 'credential'
  const own = ['', ...OWN_AUDIENCES, ...apiAudiences]
  const foreign =
    body.audiences.length > 0 && body.audiences.every((audience) => !own.includes(audience))
  return foreign ? 'none' : 'credential'
}

/** Types of Secrets that kube-apiserver takes as a credential, or makes one of. */
const CREDENTIAL_SECRETS = ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token']

/** A binding to a node writes annotations to the pod, past the admission of pods. */
const REACHING = ['exec', 'attach', 'portforward', 'ephemeralcontainers', 'binding']

/**
 * Whether a request reaches into a pod that exists, so that `targetRoot` matters. A write to a pod
 * counts: it can change the image, and so the code that runs.
 */
export function reachesIntoPod(request: RequestAttributes): boolean {
  const { apiGroup, resource, subresource } = request
  if (!isOrAll(apiGroup, '')) return false
  // The older form of `pods/binding`; its body says which pod.
  if (resource === 'bindings') {
    return judgedVerbs(request).some((verb) => ['create', 'change'].includes(useOf(verb)))
  }
  if (!isOrAll(resource, 'pods')) return false
  if (REACHING.some((one) => isOrAll(subresource, one))) return true
  const verbs = judgedVerbs(request)
  return subresource === '' && (verbs.includes('update') || verbs.includes('patch'))
}
