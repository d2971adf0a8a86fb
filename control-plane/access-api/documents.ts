import { ACCESS_API_VERSION } from '../../api/objects/access-objects.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { ACCESS_GROUP } from '../../core/names.ts'
import type { ApiResource } from './api-resource.ts'
import { type CachedDocument, withHash } from './cached-document.ts'
import { apiGroup, apiGroupDiscoveryList, apiGroupList, apiResourceList } from './discovery.ts'
import { negotiate } from './media-type.ts'
import { openApiV2, openApiV3, openApiV3Index } from './openapi.ts'
import {
  jsonResponse,
  methodNotAllowedStatus,
  notAcceptableStatus,
  pathNotFoundStatus,
  statusResponse,
} from './status-response.ts'

type Documents = (
  attributes: RequestAttributes,
  accept: string | undefined,
  ifNoneMatch: string | undefined,
) => Response

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** Answers everything that is no object: discovery, OpenAPI and the version. */
export function createDocuments(resources: readonly ApiResource[], version: string): Documents {
  const aggregated = withHash(apiGroupDiscoveryList(resources))
  const v3 = openApiV3(resources, version)
  const openApi: Readonly<Record<string, CachedDocument>> = {
    '/openapi/v2': openApiV2(resources, version),
    '/openapi/v3': openApiV3Index(v3),
    [`/openapi/v3/apis/${ACCESS_API_VERSION}`]: v3,
  }
  const plain: Readonly<Record<string, unknown>> = {
    '/apis': apiGroupList(),
    [`/apis/${ACCESS_GROUP}`]: apiGroup(),
    [`/apis/${ACCESS_API_VERSION}`]: apiResourceList(resources),
    '/version': versionInfo(version),
  }

  return function documents({ verb, path }, accept, ifNoneMatch) {
    const place = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
    const document = openApi[place]
    const body = plain[place]
    if (document === undefined && body === undefined) return statusResponse(pathNotFoundStatus())
    if (verb !== 'get' && verb !== 'head') return statusResponse(methodNotAllowedStatus())
    // kube-apiserver asks for OpenAPI in protobuf first and takes JSON.
    if (document !== undefined) return cacheable(document, ifNoneMatch)
    const form = negotiate(
      accept,
      place === '/apis' ? ['object', 'APIGroupDiscoveryList'] : ['object'],
    )
    if (form === undefined) return statusResponse(notAcceptableStatus())
    return form === 'APIGroupDiscoveryList'
      ? cacheable(aggregated, ifNoneMatch, { 'content-type': AGGREGATED, vary: 'Accept' })
      : jsonResponse(body)
  }
}

function cacheable(
  document: CachedDocument,
  ifNoneMatch: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const cache = { etag: document.etag, ...headers }
  if (ifNoneMatch === document.etag) return new Response(null, { status: 304, headers: cache })
  return jsonResponse(document.body, { headers: cache })
}

function versionInfo(version: string): unknown {
  const [major = '', minor = ''] = version.split('.')
  return {
    major,
    minor,
    gitVersion: `v${version}`,
    platform: `${process.platform}/${process.arch}`,
  }
}
