import { ACCESS_API_VERSION } from '../../api/objects/access-objects.ts'
import { AUDIT_STORES } from '../../api/objects/audit-store-object.ts'
import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import type { ApiResource } from './api-resource.ts'
import { type CachedDocument, withHash } from './cached-document.ts'
import { definitionName, groupVersionKind, type RefTo } from './openapi-kinds.ts'
import { openApiDefinitions } from './openapi-schemas.ts'
import type { Schema } from './schema-parts.ts'

/** A parameter before it is written for one version of OpenAPI. */
interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly type: 'string' | 'integer' | 'boolean'
  readonly description: string
}

/** What the two versions write differently. */
interface Dialect {
  readonly refTo: RefTo
  parameter(parameter: Parameter): unknown
  response(schema: Schema): unknown
}

/** `GET /openapi/v2`: kube-apiserver merges it into its own. */
export function openApiV2(resources: readonly ApiResource[], version: string): CachedDocument {
  return withHash({
    swagger: '2.0',
    info: info(version),
    paths: paths(resources, V2),
    definitions: openApiDefinitions(V2.refTo),
  })
}

/** `GET /openapi/v3/apis/GROUP/VERSION`: what `kubectl explain` reads. */
export function openApiV3(resources: readonly ApiResource[], version: string): CachedDocument {
  return withHash({
    openapi: '3.0.0',
    info: info(version),
    paths: paths(resources, V3),
    components: { schemas: openApiDefinitions(V3.refTo) },
  })
}

/** `GET /openapi/v3`: where the documents are. */
export function openApiV3Index(document: CachedDocument): CachedDocument {
  const path = `apis/${ACCESS_API_VERSION}`
  const serverRelativeURL = `/openapi/v3/${path}?hash=${document.hash}`
  return withHash({ paths: { [path]: { serverRelativeURL } } })
}

function info(version: string): unknown {
  return { title: 'Lanyard access API', version: `v${version}` }
}

const V2: Dialect = {
  refTo: (name, description) => ({
    ...(description === undefined ? {} : { description }),
    $ref: `#/definitions/${name}`,
  }),
  parameter: ({ name, in: place, type, description }) => ({
    name,
    in: place,
    type,
    description,
    uniqueItems: true,
    ...(place === 'path' ? { required: true } : {}),
  }),
  response: (schema) => ({ description: 'OK', schema }),
}

const V3: Dialect = {
  refTo: (name, description) => {
    const reference = { $ref: `#/components/schemas/${name}` }
    // Beside a reference OpenAPI 3.0 reads nothing else.
    return description === undefined ? reference : { description, allOf: [reference] }
  },
  parameter: ({ name, in: place, type, description }) => ({
    name,
    in: place,
    description,
    schema: { type, uniqueItems: true },
    ...(place === 'path' ? { required: true } : {}),
  }),
  response: (schema) => ({ description: 'OK', content: { 'application/json': { schema } } }),
}

const NAMESPACE: Parameter = {
  name: 'namespace',
  in: 'path',
  type: 'string',
  description: 'Namespace of the pod.',
}
const NAME: Parameter = {
  name: 'name',
  in: 'path',
  type: 'string',
  description: 'Name of the object.',
}
const LIST_PARAMETERS: readonly Parameter[] = [
  query('fieldSelector', 'string', 'Only objects with these values.'),
  query('limit', 'integer', 'Objects in one page.'),
  query('continue', 'string', 'Brings the page after the one that had this token.'),
  query('resourceVersion', 'string', 'Where a watch continues.'),
  query('timeoutSeconds', 'integer', 'How long a watch lasts.'),
  query('watch', 'boolean', 'Streams changes instead of listing.'),
  query('allowWatchBookmarks', 'boolean', 'Wants bookmarks in a watch.'),
]
const AUDIT_EVENT_PARAMETERS: readonly Parameter[] = [
  query('sinceTime', 'string', 'Only decisions made at this time or later.'),
  query('sinceSeconds', 'integer', 'Only decisions made in the last so many seconds.'),
  query('untilTime', 'string', 'Only decisions made before this time.'),
  query('after', 'string', 'Only decisions put on record after the one with this name.'),
  query('tail', 'integer', 'Only the newest decisions, this many at most.'),
]

function query(name: string, type: Parameter['type'], description: string): Parameter {
  return { name, in: 'query', type, description }
}

function paths(resources: readonly ApiResource[], dialect: Dialect): Record<string, unknown> {
  const root = `/apis/${ACCESS_GROUP}/${ACCESS_VERSION}`
  const store = { kind: 'AuditStore' }
  return Object.fromEntries([
    [`${root}/${AUDIT_STORES}`, listOperation(store, [], '', dialect)],
    [`${root}/${AUDIT_STORES}/{name}`, getOperation(store, [NAME], '', dialect)],
    ...resources.flatMap((resource) => {
      const all = `${root}/${resource.resource}`
      const namespaced = `${root}/namespaces/{namespace}/${resource.resource}`
      const extra = resource.resource === 'auditevents' ? AUDIT_EVENT_PARAMETERS : []
      const options = [...LIST_PARAMETERS, ...extra]
      return [
        [all, listOperation(resource, options, 'ForAllNamespaces', dialect)],
        [namespaced, listOperation(resource, [NAMESPACE, ...options], 'Namespaced', dialect)],
        [`${namespaced}/{name}`, getOperation(resource, [NAMESPACE, NAME], 'Namespaced', dialect)],
        ...subresourcePaths(resource, `${namespaced}/{name}`, dialect),
      ]
    }),
  ])
}

const STREAM_PARAMETERS: readonly Parameter[] = [
  query('format', 'string', 'events or asciicast.'),
  query('follow', 'boolean', 'Goes on while the session is live.'),
]

/** What can be done with an object: reads of a stream, and posts that answer with the object. */
function subresourcePaths(
  { kind, actions }: ApiResource,
  path: string,
  dialect: Dialect,
): readonly (readonly [string, unknown])[] {
  return Object.entries(actions?.subresources ?? {}).map(([name, verbs]) => {
    const isRead = verbs.includes('get')
    const answered = actions?.answers?.[name] ?? kind
    const isStream = answered === 'stream'
    const parameters = [NAMESPACE, NAME, ...(isStream ? STREAM_PARAMETERS : [])]
    const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}`
    const answer = isStream ? { type: 'string' } : dialect.refTo(definitionName(answered))
    const operation = {
      description: `${isRead ? 'Read' : 'Create'} ${name} of one object of kind ${kind}.`,
      operationId: `${isRead ? 'read' : 'create'}AccessLanyardDevV1alpha1Namespaced${kind}${title}`,
      ...operationTypes(dialect),
      parameters: parameters.map(dialect.parameter),
      responses: { [isRead ? 200 : 201]: dialect.response(answer) },
      'x-kubernetes-action': isRead ? 'get' : 'post',
      'x-kubernetes-group-version-kind': groupVersionKind(kind),
    }
    return [`${path}/${name}`, isRead ? { get: operation } : { post: operation }]
  })
}

interface KindServed {
  readonly kind: string
}

function listOperation(
  { kind }: KindServed,
  parameters: readonly Parameter[],
  scope: 'Namespaced' | 'ForAllNamespaces' | '',
  dialect: Dialect,
): unknown {
  const name = scope === 'ForAllNamespaces' ? `${kind}${scope}` : `${scope}${kind}`
  const does = parameters.length === 0 ? 'List' : 'List or watch'
  return {
    get: {
      description: `${does} objects of kind ${kind}.`,
      operationId: `listAccessLanyardDevV1alpha1${name}`,
      ...operationTypes(dialect),
      parameters: parameters.map(dialect.parameter),
      responses: { 200: dialect.response(dialect.refTo(definitionName(`${kind}List`))) },
      'x-kubernetes-action': 'list',
      'x-kubernetes-group-version-kind': groupVersionKind(kind),
    },
  }
}

function getOperation(
  { kind }: KindServed,
  parameters: readonly Parameter[],
  scope: 'Namespaced' | '',
  dialect: Dialect,
): unknown {
  return {
    get: {
      description: `Read one object of kind ${kind}.`,
      operationId: `readAccessLanyardDevV1alpha1${scope}${kind}`,
      ...operationTypes(dialect),
      parameters: parameters.map(dialect.parameter),
      responses: { 200: dialect.response(dialect.refTo(definitionName(kind))) },
      'x-kubernetes-action': 'get',
      'x-kubernetes-group-version-kind': groupVersionKind(kind),
    },
  }
}

function operationTypes(dialect: Dialect): Record<string, unknown> {
  const common = { tags: ['accessLanyardDev_v1alpha1'] }
  return dialect === V2 ? { ...common, produces: ['application/json'], schemes: ['https'] } : common
}
