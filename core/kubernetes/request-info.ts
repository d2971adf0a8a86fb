import { Fault } from '../fault.ts'
import { UNSAFE_DELETE, withDeleteOption } from './delete-options.ts'
import { isDnsLabel } from './dns-names.ts'
import { parseExecAttributes, parsePortForwardAttributes } from './exec-attributes.ts'
import { nameInFieldSelector } from './field-selector.ts'
import { isLabelSelector } from './label-selector.ts'
import { countingParameters } from './query-parameters.ts'
import { firstValue, isTrue } from './query-values.ts'
import { nonResourceAttributes, type RequestAttributes } from './request-attributes.ts'
import {
  decodedPath,
  parseRequestTarget,
  printRequestTarget,
  type QueryPair,
  type RequestTarget,
} from './request-target.ts'
import { checkTunnelParameters, type UpgradeKind } from './tunnel-parameters.ts'

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

/**
 * kube-apiserver gives other methods on a resource no verb, which RBAC allows to whoever may every
 * verb, and nobody else. A request without a verb is always denied here, so the wildcard stands for it.
 */
const EVERY_VERB = '*'

/** What may stand before a resource and then is the verb, whatever the method. */
const PATH_VERBS: ReadonlySet<string> = new Set(['watch', 'proxy'])

const APPLY_TYPES = ['application/apply-patch+yaml', 'application/apply-patch+cbor']
const API_GROUP = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/
/** Longer ones than any object has: kube-apiserver says that there is none. */
const NAME = /^[^/%\\]{1,1024}$/
/** The APIs of metrics have a metric's name in the place of a resource or a subresource. */
const METRICS_GROUPS = ['custom.metrics.k8s.io', 'external.metrics.k8s.io']
const METRIC = /^[A-Za-z0-9_:][A-Za-z0-9_:.-]{0,252}$/
/** Longest part of a wrong name that a refusal repeats. */
const SHOWN_CHARACTERS_MAX = 256
const INTEGER = /^[+-]?[0-9]{1,18}$/

/**
 * Parses one request. `rawTarget` is the request line's target as it came. Throws
 * `request_invalid` for whatever kube-apiserver and another parser could read differently; what is
 * accepted gets the attributes that kube-apiserver gives it. What follows a resource, its name and its
 * subresource is sent as it came.
 *
 * Keep in step with Kubernetes apiserver/pkg/endpoints/request/requestinfo.go (v1.37,
 * RequestInfoFactory.NewRequestInfo): test/corpus/request-info.json is made by that code, and
 * test/integration/request-parity.test.ts compares the two on generated requests.
 */
export function parseRequestInfo(
  method: string,
  rawTarget: string,
  contentType: string | undefined,
): RequestInfo {
  const parsed = parseRequestTarget(rawTarget, countJudged, isProxied)
  const place = parsePlace(parsed)
  const target = { ...parsed, query: countingParameters(parsed.query) }
  const path = decodedPath(target)
  if (place === undefined) return nonResource(method, path, target)

  const { pathVerb, ...where } = place
  const attributes: RequestAttributes = {
    ...where,
    ...verbAndName(VERBS[method] ?? EVERY_VERB, place, target.query),
    resourceRequest: true,
    path,
    alsoVerbs: [],
  }
  const upgrade = upgradeKind(attributes)
  const also = pathVerb === '' ? alsoVerbs(attributes, upgrade, contentType) : methodBeside(method)
  return {
    attributes: withDeleteOption(
      { ...attributes, alsoVerbs: also, ...upgradeAttributes(upgrade, target.query) },
      isTrue(firstValue(target.query, UNSAFE_DELETE)),
    ),
    target: printRequestTarget(target),
    query: target.query,
    upgrade,
    targetContainer: targetContainer(attributes, target.query),
    longRunning: upgrade !== '' || attributes.verb === 'watch' || isFollowedLog(attributes, target),
  }
}

/** A watch by its path is a GET; kube-apiserver judges every other method there as the same watch. */
function methodBeside(method: string): readonly string[] {
  return method === 'GET' || method === 'HEAD' ? [] : [EVERY_VERB]
}

function nonResource(method: string, path: string, target: RequestTarget): RequestInfo {
  return {
    attributes: nonResourceAttributes(method.toLowerCase(), path),
    target: printRequestTarget(target),
    query: target.query,
    upgrade: '',
    targetContainer: '',
    longRunning: false,
  }
}

interface Place
  extends Pick<
    RequestAttributes,
    'apiGroup' | 'apiVersion' | 'namespace' | 'resource' | 'subresource' | 'name'
  > {
  /** The verb that stands in the path; empty for nearly every request. */
  readonly pathVerb: string
}

const NAMESPACE_SUBRESOURCES = ['status', 'finalize']

/** Where the parts of a resource stand among a path's segments; undefined where there is none. */
function findResource(segments: readonly string[]) {
  const [prefix] = segments
  const versionAt = prefix === 'api' ? 1 : prefix === 'apis' ? 2 : undefined
  // /api, /api/v1, /apis, /apis/GROUP, /apis/GROUP/VERSION: discovery.
  if (versionAt === undefined || segments.length < versionAt + 2) return undefined
  const first = segments[versionAt + 1] ?? ''
  const pathVerb = PATH_VERBS.has(first) ? first : ''
  const startAt = pathVerb === '' ? versionAt + 1 : versionAt + 2
  const inNamespace = segments[startAt] === 'namespaces' && segments.length > startAt + 1
  const below = segments[startAt + 2]
  const scoped = inNamespace && below !== undefined && !NAMESPACE_SUBRESOURCES.includes(below)
  return { versionAt, pathVerb, startAt, inNamespace, resourceAt: scoped ? startAt + 2 : startAt }
}

/** What is judged ends with the subresource, or with the name where a verb stands in the path. */
function countJudged(segments: readonly string[]): number {
  const found = findResource(segments)
  if (found === undefined) return segments.length
  const parts = found.pathVerb === 'proxy' ? 2 : 3
  return Math.min(segments.length, found.resourceAt + parts)
}

/**
 * The query of a proxied request is not kube-apiserver's: it reads only `path`, and that from the
 * path. Source: getRequestOptions of apiserver/pkg/endpoints/handlers/rest.go.
 */
function isProxied(segments: readonly string[]): boolean {
  const found = findResource(segments)
  return found?.pathVerb === '' && segments[found.resourceAt + 2] === 'proxy'
}

/** Where in the API a path points; undefined for paths that name no resource. */
function parsePlace({ segments, rest }: RequestTarget): Place | undefined {
  const found = findResource(segments)
  if (found === undefined) {
    if (rest.length > 1) throw new Fault('request_invalid', 'The path has an empty segment ("//")')
    return undefined
  }
  const { versionAt, pathVerb, startAt, inNamespace, resourceAt } = found
  const apiGroup = versionAt === 2 ? (segments[1] ?? '') : ''
  const apiVersion = segments[versionAt] ?? ''
  if (versionAt === 2 && !API_GROUP.test(apiGroup)) refuse('The API group', apiGroup)
  if (!isDnsLabel(apiVersion)) refuse('The API version', apiVersion)
  const namespace = inNamespace ? (segments[startAt + 1] ?? '') : ''
  if (inNamespace && !isDnsLabel(namespace)) refuse('The namespace', namespace)
  const isNamed = METRICS_GROUPS.includes(apiGroup)
    ? (text: string) => METRIC.test(text)
    : isDnsLabel
  const [resource = '', name = '', subresource = ''] = segments.slice(resourceAt)
  if (!isNamed(resource)) refuse('The resource', resource)
  if (name !== '' && !NAME.test(name)) refuse('The name', name)
  if (subresource !== '' && !isNamed(subresource)) refuse('The subresource', subresource)
  return { pathVerb, apiGroup, apiVersion, namespace, resource, subresource, name }
}

function verbAndName(
  methodVerb: string,
  { pathVerb, name }: Place,
  query: readonly QueryPair[],
): Pick<RequestAttributes, 'verb' | 'name'> {
  if (pathVerb !== '') return { verb: pathVerb, name }
  if (name !== '') return { verb: methodVerb, name }
  if (methodVerb === 'delete') return { verb: 'deletecollection', name: '' }
  if (methodVerb !== 'get') return { verb: methodVerb, name: '' }
  const fieldSelector = firstValue(query, 'fieldSelector') ?? ''
  const labelSelector = firstValue(query, 'labelSelector') ?? ''
  if (Math.max(fieldSelector.length, labelSelector.length) > SELECTOR_CHARACTERS_MAX) {
    const message = `A selector may have at most ${SELECTOR_CHARACTERS_MAX} characters`
    throw new Fault('request_invalid', message)
  }
  const selected = nameInFieldSelector(fieldSelector) ?? ''
  if (selected !== '') refuseUndecodable(query)
  const selectedName = NAME.test(selected) && selected !== '.' && selected !== '..' ? selected : ''
  return { verb: isTrue(firstValue(query, 'watch')) ? 'watch' : 'list', name: selectedName }
}

/** Longest selector that is looked into; kube-apiserver would take seconds over one of 1 MiB, too. */
const SELECTOR_CHARACTERS_MAX = 64 * 1024

/** One list option that kube-apiserver cannot decode makes it drop the name that another selects. */
function refuseUndecodable(query: readonly QueryPair[]): void {
  for (const key of ['limit', 'timeoutSeconds']) {
    if (!INTEGER.test(firstValue(query, key) ?? '0')) {
      throw new Fault('request_invalid', `The query parameter "${key}" is not an integer`)
    }
  }
  if (!isLabelSelector(firstValue(query, 'labelSelector') ?? '')) {
    throw new Fault('request_invalid', 'The label selector is not a plain one')
  }
}

function upgradeKind(attributes: RequestAttributes): UpgradeKind | '' {
  const { apiGroup, resource, subresource, name } = attributes
  if (apiGroup !== '' || resource !== 'pods' || name === '') return ''
  return subresource === 'exec' || subresource === 'attach' || subresource === 'portforward'
    ? subresource
    : ''
}

/** What an upgrade asks for besides its pod. */
function upgradeAttributes(
  upgrade: UpgradeKind | '',
  query: readonly QueryPair[],
): Pick<RequestAttributes, 'exec' | 'portForward'> {
  if (upgrade === '') return {}
  checkTunnelParameters(upgrade, query)
  if (upgrade === 'portforward') return { portForward: parsePortForwardAttributes(query) }
  return { exec: parseExecAttributes(query) }
}

function targetContainer(attributes: RequestAttributes, query: readonly QueryPair[]): string {
  const { apiGroup, resource, subresource } = attributes
  // A proxied request may have a parameter of the same name that means something else.
  if (apiGroup !== '' || resource !== 'pods' || subresource === 'proxy') return ''
  const container = firstValue(query, 'container') ?? ''
  if (container !== '' && !isDnsLabel(container)) refuse('The container', container)
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
  return attributes.subresource === 'log' && isTrue(firstValue(target.query, 'follow'))
}

function refuse(what: string, value: string): never {
  const shown = JSON.stringify(value.slice(0, SHOWN_CHARACTERS_MAX))
  throw new Fault('request_invalid', `${what} ${shown} is not a valid one`)
}
