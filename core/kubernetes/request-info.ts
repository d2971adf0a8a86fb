import { Fault } from '../fault.ts'
import { nameInFieldSelector } from './field-selector.ts'
import { isLabelSelector } from './label-selector.ts'
import type { RequestAttributes } from './request-attributes.ts'
import {
  parseRequestTarget,
  printRequestTarget,
  type QueryPair,
  type RequestTarget,
} from './request-target.ts'

/** Subresources that turn the connection into a tunnel. */
export type UpgradeKind = 'exec' | 'attach' | 'portforward'

/** One request to the Kubernetes API, as kube-apiserver will read what is sent to it. */
export interface RequestInfo {
  readonly attributes: RequestAttributes
  /** The target to send, written from what was judged. */
  readonly target: string
  readonly query: readonly QueryPair[]
  /** Which tunnel the request asks for; empty for every other request. */
  readonly upgrade: UpgradeKind | ''
  /** The container that an exec, attach or log request names; empty when it names none. */
  readonly targetContainer: string
  /** True for watches, followed logs and tunnels: they stay open until someone ends them. */
  readonly longRunning: boolean
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** Parameters that may stand more than once, since kube-apiserver reads all of them. */
const REPEATABLE = new Set(['command', 'ports'])

const APPLY_TYPES = ['application/apply-patch+yaml', 'application/apply-patch+cbor']
const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/
const API_GROUP = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/
const NAME = /^[^/%\\]{1,253}$/
/** The APIs of metrics have a metric's name in the place of a resource or a subresource. */
const METRICS_GROUPS = ['custom.metrics.k8s.io', 'external.metrics.k8s.io']
const METRIC = /^[A-Za-z0-9_:][A-Za-z0-9_:.-]{0,252}$/
/** Longest part of a wrong name that a refusal repeats. */
const SHOWN_CHARACTERS_MAX = 256
const INTEGER = /^[+-]?[0-9]{1,18}$/

/**
 * Parses one request. `rawTarget` is the request line's target as it came. Throws
 * `request_invalid` for whatever kube-apiserver and another parser could read differently; what is
 * accepted gets the attributes that kube-apiserver gives it.
 *
 * Keep in step with Kubernetes apiserver/pkg/endpoints/request/requestinfo.go (v1.34,
 * RequestInfoFactory.NewRequestInfo); test/corpus/request-info.json is made by that code.
 */
export function parseRequestInfo(
  method: string,
  rawTarget: string,
  contentType: string | undefined,
): RequestInfo {
  const methodVerb = VERBS[method]
  if (methodVerb === undefined) {
    throw new Fault('request_invalid', 'The method must be GET, HEAD, POST, PUT, PATCH or DELETE')
  }
  const target = parseRequestTarget(rawTarget)
  const path = pathOf(target)
  const place = parsePlace(target)
  // The query of a proxied request is not kube-apiserver's.
  if (place?.subresource !== 'proxy') refuseRepeated(target.query)
  if (place === undefined) return nonResource(method, path, target)

  const attributes: RequestAttributes = {
    ...place,
    ...verbAndName(methodVerb, place.name, target.query),
    resourceRequest: true,
    path,
    alsoVerbs: [],
  }
  const upgrade = upgradeKind(attributes)
  const also = alsoVerbs(attributes, upgrade, contentType)
  return {
    attributes: { ...attributes, alsoVerbs: also },
    target: printRequestTarget(target),
    query: target.query,
    upgrade,
    targetContainer: targetContainer(attributes, target.query),
    longRunning: upgrade !== '' || attributes.verb === 'watch' || isFollowedLog(attributes, target),
  }
}

function nonResource(method: string, path: string, target: RequestTarget): RequestInfo {
  return {
    attributes: {
      verb: method.toLowerCase(),
      resourceRequest: false,
      apiGroup: '',
      apiVersion: '',
      resource: '',
      subresource: '',
      namespace: '',
      name: '',
      path,
      alsoVerbs: [],
    },
    target: printRequestTarget(target),
    query: target.query,
    upgrade: '',
    targetContainer: '',
    longRunning: false,
  }
}

type Place = Pick<
  RequestAttributes,
  'apiGroup' | 'apiVersion' | 'namespace' | 'resource' | 'subresource' | 'name'
>

/** Where in the API a path points; undefined for paths that name no resource. */
function parsePlace(target: RequestTarget): Place | undefined {
  const [prefix, ...rest] = target.segments
  if (prefix !== 'api' && prefix !== 'apis') return undefined
  const groupLength = prefix === 'apis' ? 1 : 0
  // /api, /api/v1, /apis, /apis/GROUP, /apis/GROUP/VERSION: discovery.
  if (rest.length < groupLength + 2) return undefined
  const apiGroup = groupLength === 1 ? (rest[0] ?? '') : ''
  const apiVersion = rest[groupLength] ?? ''
  if (groupLength === 1 && !API_GROUP.test(apiGroup)) refuse('The API group', apiGroup)
  if (!DNS_LABEL.test(apiVersion)) refuse('The API version', apiVersion)
  const named = METRICS_GROUPS.includes(apiGroup) ? METRIC : DNS_LABEL
  const place = { apiGroup, apiVersion, ...parseResource(rest.slice(groupLength + 1), named) }
  // What follows "proxy" is a path of the proxied service.
  if (target.trailingSlash && place.subresource !== 'proxy') {
    throw new Fault('request_invalid', 'The path of a resource must not end with "/"')
  }
  return place
}

const NAMESPACE_SUBRESOURCES = ['status', 'finalize']

function parseResource(
  parts: readonly string[],
  named: RegExp,
): Pick<Place, 'namespace' | 'resource' | 'subresource' | 'name'> {
  const [head = ''] = parts
  if (head === 'watch' || head === 'proxy') {
    throw new Fault(
      'request_invalid',
      `The path prefix "${head}" is not supported: use ?watch=true`,
    )
  }
  const inNamespace = head === 'namespaces' && parts.length > 1
  const namespace = inNamespace ? (parts[1] ?? '') : ''
  if (inNamespace && !DNS_LABEL.test(namespace)) refuse('The namespace', namespace)
  const scoped = inNamespace && parts.length > 2 && !NAMESPACE_SUBRESOURCES.includes(parts[2] ?? '')
  const [resource = '', name = '', subresource = '', ...tail] = scoped ? parts.slice(2) : parts
  if (!named.test(resource)) refuse('The resource', resource)
  if (name !== '' && !NAME.test(name)) refuse('The name', name)
  if (subresource !== '' && !named.test(subresource)) refuse('The subresource', subresource)
  if (tail.length > 0 && subresource !== 'proxy') {
    throw new Fault('request_invalid', 'The path goes on after the subresource')
  }
  return { namespace, resource, subresource, name }
}

function verbAndName(
  methodVerb: string,
  pathName: string,
  query: readonly QueryPair[],
): Pick<RequestAttributes, 'verb' | 'name'> {
  if (pathName !== '') return { verb: methodVerb, name: pathName }
  if (methodVerb === 'delete') return { verb: 'deletecollection', name: '' }
  if (methodVerb !== 'get') return { verb: methodVerb, name: '' }
  const selected = nameInFieldSelector(first(query, 'fieldSelector') ?? '') ?? ''
  if (selected !== '') refuseUndecodable(query)
  const name = NAME.test(selected) && selected !== '.' && selected !== '..' ? selected : ''
  return { verb: isTrue(first(query, 'watch')) ? 'watch' : 'list', name }
}

/** One list option that kube-apiserver cannot decode makes it drop the name that another selects. */
function refuseUndecodable(query: readonly QueryPair[]): void {
  for (const key of ['limit', 'timeoutSeconds']) {
    if (!INTEGER.test(first(query, key) ?? '0')) {
      throw new Fault('request_invalid', `The query parameter "${key}" is not an integer`)
    }
  }
  if (!isLabelSelector(first(query, 'labelSelector') ?? '')) {
    throw new Fault('request_invalid', 'The label selector is not a plain one')
  }
}

/**
 * How kube-apiserver reads a boolean parameter: absent, `0` and `false` in any case are false, all
 * else is true. Source: Kubernetes apimachinery/pkg/runtime/conversion.go.
 */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false'
}

function upgradeKind(attributes: RequestAttributes): UpgradeKind | '' {
  const { apiGroup, resource, subresource, name } = attributes
  if (apiGroup !== '' || resource !== 'pods' || name === '') return ''
  return subresource === 'exec' || subresource === 'attach' || subresource === 'portforward'
    ? subresource
    : ''
}

function targetContainer(attributes: RequestAttributes, query: readonly QueryPair[]): string {
  const { apiGroup, resource, subresource } = attributes
  // A proxied request may have a parameter of the same name that means something else.
  if (apiGroup !== '' || resource !== 'pods' || subresource === 'proxy') return ''
  const container = first(query, 'container') ?? ''
  if (container !== '' && !DNS_LABEL.test(container)) refuse('The container', container)
  return container
}

/**
 * Resources that a PUT creates when they are not there, by API group.
 * Source: AllowCreateOnUpdate in Kubernetes pkg/registry (v1.34).
 */
const CREATED_BY_UPDATE: Readonly<Record<string, readonly string[]>> = {
  '': ['endpoints', 'events', 'limitranges', 'services'],
  'coordination.k8s.io': ['leases', 'leasecandidates'],
  'events.k8s.io': ['events'],
  'node.k8s.io': ['runtimeclasses'],
  'rbac.authorization.k8s.io': ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'],
}

/**
 * An upgrade is judged as create however it is sent. A server-side apply may create, and so may a
 * PUT of some kinds: kube-apiserver asks that of the calling service account only.
 */
function alsoVerbs(
  attributes: RequestAttributes,
  upgrade: UpgradeKind | '',
  contentType: string | undefined,
): readonly string[] {
  if (upgrade !== '' && attributes.verb !== 'create') return ['create']
  const { verb, apiGroup, resource, subresource } = attributes
  if (subresource !== '') return []
  if (verb === 'update') return CREATED_BY_UPDATE[apiGroup]?.includes(resource) ? ['create'] : []
  const mediaType = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  return verb === 'patch' && APPLY_TYPES.includes(mediaType) ? ['create'] : []
}

function isFollowedLog(attributes: RequestAttributes, target: RequestTarget): boolean {
  return attributes.subresource === 'log' && isTrue(first(target.query, 'follow'))
}

function refuseRepeated(query: readonly QueryPair[]): void {
  const seen = new Set<string>()
  for (const [key] of query) {
    if (seen.has(key) && !REPEATABLE.has(key)) {
      throw new Fault('request_invalid', `The query parameter "${key}" stands more than once`)
    }
    seen.add(key)
  }
}

function pathOf(target: RequestTarget): string {
  return `/${target.segments.join('/')}${target.trailingSlash ? '/' : ''}`
}

function first(query: readonly QueryPair[], key: string): string | undefined {
  return query.find(([candidate]) => candidate === key)?.[1]
}

function refuse(what: string, value: string): never {
  const shown = JSON.stringify(value.slice(0, SHOWN_CHARACTERS_MAX))
  throw new Fault('request_invalid', `${what} ${shown} is not a valid one`)
}
