import { judgedVerbs, type RequestAttributes } from '../kubernetes/request-attributes.ts'
import { LANYARD_GROUP, SIDECAR_CONTAINER, SYSTEM_NAMESPACE } from '../names.ts'
import type { GuardName } from './guard-names.ts'

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
}

const READS = new Set(['get', 'list', 'watch'])
const DELETES = new Set(['delete', 'deletecollection'])
const RBAC_GROUP = 'rbac.authorization.k8s.io'

/** Built-in kinds that make pods, by API group. */
const LAUNCHERS: Readonly<Record<string, readonly string[]>> = {
  '': ['pods', 'replicationcontrollers'],
  apps: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'],
  batch: ['jobs', 'cronjobs'],
}

/** Kinds that switch admission, and so Lanyard, on and off. */
const ADMISSION_GROUPS = ['admissionregistration.k8s.io', 'apiregistration.k8s.io']

/**
 * The guards that a request runs into; empty for most. A request that runs into one is denied
 * unless a matching Allow rule lifts it by name, whoever allowed the rest.
 */
export function guardsHit(attributes: RequestAttributes, facts: GuardFacts): readonly GuardName[] {
  if (!attributes.resourceRequest) return []
  return (Object.keys(CHECKS) as GuardName[]).filter((name) => CHECKS[name](attributes, facts))
}

type Check = (attributes: RequestAttributes, facts: GuardFacts) => boolean

const CHECKS: Readonly<Record<GuardName, Check>> = {
  'launch-outside': (request, { namespaceInjected }) => launches(request) && !namespaceInjected,
  credentials: (request) => mintsCredential(request),
  impersonation: (request) => request.verb === 'impersonate',
  'foreign-pod': (request, { targetRoot }) => reachesIntoPod(request) && targetRoot !== 'same',
  sidecar: (request, { targetContainer }) =>
    request.apiGroup === '' &&
    request.resource === 'pods' &&
    targetContainer === SIDECAR_CONTAINER &&
    request.subresource !== 'log',
  'node-proxy': ({ apiGroup, resource, subresource }) =>
    apiGroup === '' &&
    subresource === 'proxy' &&
    (resource === 'nodes' || resource === 'pods' || resource === 'services'),
  'lanyard-config': (request) => changesLanyard(request),
  'rbac-escalation': (request) => request.apiGroup === RBAC_GROUP && sets(request),
}

/** Whether any verb that is judged does more than read. A WebSocket is a `get` and a `create`. */
function writes(request: RequestAttributes): boolean {
  return !judgedVerbs(request).every((verb) => READS.has(verb))
}

/** Whether any verb that is judged does more than read or delete. */
function sets(request: RequestAttributes): boolean {
  return !judgedVerbs(request).every((verb) => READS.has(verb) || DELETES.has(verb))
}

function launches(request: RequestAttributes): boolean {
  const { apiGroup, resource, subresource } = request
  if (!sets(request) || !(LAUNCHERS[apiGroup] ?? []).includes(resource)) return false
  return subresource === '' || subresource === 'ephemeralcontainers' || subresource === 'scale'
}

/** Token requests and certificates. */
function mintsCredential(request: RequestAttributes): boolean {
  const { apiGroup, resource, subresource } = request
  if (apiGroup === '' && resource === 'serviceaccounts' && subresource === 'token') return true
  return apiGroup === 'certificates.k8s.io' && writes(request)
}

/** A binding to a node writes annotations to the pod, past the admission of pods. */
const REACHING = ['exec', 'attach', 'portforward', 'ephemeralcontainers', 'binding']

/**
 * Whether a request reaches into a pod that exists, so that `targetRoot` matters. A write to a pod
 * counts: it can change the image, and so the code that runs.
 */
export function reachesIntoPod(request: RequestAttributes): boolean {
  const { apiGroup, resource, subresource } = request
  if (apiGroup !== '') return false
  // The older form of `pods/binding`; its body says which pod.
  if (resource === 'bindings') return sets(request)
  if (resource !== 'pods') return false
  if (REACHING.includes(subresource)) return true
  const verbs = judgedVerbs(request)
  return subresource === '' && (verbs.includes('update') || verbs.includes('patch'))
}

/** A namespace's labels opt it in and out, so every write to a namespace counts. */
function changesLanyard(request: RequestAttributes): boolean {
  const { apiGroup, resource, namespace } = request
  if (!writes(request)) return false
  if (namespace === SYSTEM_NAMESPACE || apiGroup === LANYARD_GROUP) return true
  return ADMISSION_GROUPS.includes(apiGroup) || (apiGroup === '' && resource === 'namespaces')
}
