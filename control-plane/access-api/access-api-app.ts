import type { HttpBindings } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { parseRequestInfo, type RequestInfo } from '../../core/kubernetes/request-info.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import { authenticateFrontProxy } from '../../platform/authenticate-front-proxy.ts'
import type { HealthCheck } from '../../platform/health-server.ts'
import type { RequestHeaderSource } from '../../platform/request-header-config.ts'
import { AccessRequestActions } from './access-request-actions.ts'
import type { ApiResource } from './api-resource.ts'
import { AuditStoreResource } from './audit-store.ts'
import { createDocuments } from './documents.ts'
import { createResourceHandler, type ResourceHandlerDeps } from './resource-handler.ts'
import { SessionActions } from './session-actions.ts'
import {
  faultResponse,
  forbiddenStatus,
  methodNotAllowedStatus,
  pathNotFoundStatus,
  statusResponse,
} from './status-response.ts'

/**
 * Whether a user may make a request, by the cluster's own authorizer. Throws `decision_unavailable` when
 * it cannot say.
 */
export type DelegatedAuthorizer = (
  user: UserInfo,
  attributes: RequestAttributes,
) => Promise<boolean>

export interface AccessApiAppDeps extends ResourceHandlerDeps {
  readonly resources: readonly ApiResource[]
  readonly auditStore: AuditStoreResource
  readonly sessionActions: SessionActions
  readonly accessRequestActions: AccessRequestActions
  readonly requestHeader: RequestHeaderSource
  readonly authorize: DelegatedAuthorizer
  readonly readiness: readonly HealthCheck[]
  readonly version: string
}

export interface AccessApiEnv {
  Bindings: HttpBindings
  Variables: { user: UserInfo; requestInfo: RequestInfo }
}

/**
 * The order below is the security model. Only health is answered to everyone.
 *
 *   1. health        for kubelet, without a credential
 *   2. authenticate  the front proxy's certificate, then the user that it names
 *   3. requestInfo   the target, read as kube-apiserver reads it
 *   4. authorize     the cluster's authorizer says yes, or the request ends
 *   5. answer        by the attributes that were authorized, never by another reading of the path
 */
export function createAccessApiApp(deps: AccessApiAppDeps): Hono<AccessApiEnv> {
  const app = new Hono<AccessApiEnv>()
  app.use(health(deps))
  app.use(authenticate(deps))
  app.use(requestInfo())
  app.use(authorize(deps))
  app.all('*', answer(deps))
  app.onError((error) => {
    const fault = Fault.from(error)
    if (fault.code === 'internal' || fault.code === 'audit_unavailable') {
      deps.logger.error({ error }, 'Cannot answer')
    }
    return faultResponse(fault)
  })
  return app
}

function health({ readiness }: AccessApiAppDeps): MiddlewareHandler<AccessApiEnv> {
  const checks: Readonly<Record<string, readonly HealthCheck[]>> = {
    '/livez': [],
    '/readyz': readiness,
    '/healthz': readiness,
  }
  return async function health(c, next) {
    const [path = ''] = (c.env.incoming.url ?? '').split('?')
    const wanted = c.req.method === 'GET' || c.req.method === 'HEAD' ? checks[path] : undefined
    if (wanted === undefined) return next()
    const healthy = wanted.every((item) => item.check() === undefined)
    return c.text(healthy ? 'ok' : 'not ready', healthy ? 200 : 503)
  }
}

function authenticate({ requestHeader }: AccessApiAppDeps): MiddlewareHandler<AccessApiEnv> {
  return async function authenticate(c, next) {
    c.set('user', authenticateFrontProxy(c.env.incoming, requestHeader.current()))
    return next()
  }
}

function requestInfo(): MiddlewareHandler<AccessApiEnv> {
  return async function requestInfo(c, next) {
    const { method = '', url = '', headers } = c.env.incoming
    c.set('requestInfo', parseRequestInfo(method, url, headers['content-type']))
    return next()
  }
}

function authorize(deps: AccessApiAppDeps): MiddlewareHandler<AccessApiEnv> {
  return async function authorize(c, next) {
    const { attributes } = c.get('requestInfo')
    const allowed = await deps.authorize(c.get('user'), attributes)
    // Compared with true: whatever else an authorizer answers is a no.
    if (allowed === true) return next()
    return statusResponse(forbiddenStatus(c.get('user').username, attributes))
  }
}

function answer(deps: AccessApiAppDeps): MiddlewareHandler<AccessApiEnv> {
  const documents = createDocuments(deps.resources, deps.version)
  const handle = createResourceHandler(deps)
  return async function answer(c) {
    const requestInfo = c.get('requestInfo')
    const { attributes } = requestInfo
    const accept = c.env.incoming.headers.accept
    if (!attributes.resourceRequest) {
      return documents(attributes, accept, c.env.incoming.headers['if-none-match'])
    }
    const isStore = isOwnGroup(attributes) && AuditStoreResource.serves(attributes)
    if (isStore) {
      const includeObject = requestInfo.query.find(([key]) => key === 'includeObject')?.[1] ?? ''
      return deps.auditStore.handle(attributes, c.env.outgoing, { accept, includeObject })
    }
    const user = c.get('user')
    const { incoming, outgoing } = c.env
    const mayGoOn = () => deps.authorize(user, attributes)
    if (isOwnGroup(attributes) && SessionActions.serves(attributes)) {
      return deps.sessionActions.handle({ requestInfo, user, accept, incoming, outgoing, mayGoOn })
    }
    if (isOwnGroup(attributes) && AccessRequestActions.serves(attributes)) {
      return deps.accessRequestActions.handle({ requestInfo, user, incoming })
    }
    const resource = findResource(deps.resources, attributes)
    if (resource === undefined) return statusResponse(pathNotFoundStatus())
    if (!isServed(attributes)) return statusResponse(methodNotAllowedStatus())
    return handle(resource, { requestInfo, accept, outgoing, mayGoOn })
  }
}

function findResource(
  resources: readonly ApiResource[],
  attributes: RequestAttributes,
): ApiResource | undefined {
  return isOwnGroup(attributes) && attributes.subresource === ''
    ? resources.find((candidate) => candidate.resource === attributes.resource)
    : undefined
}

function isOwnGroup({ apiGroup, apiVersion }: RequestAttributes): boolean {
  return apiGroup === ACCESS_GROUP && apiVersion === ACCESS_VERSION
}

/** Objects are read one by one in their namespace, and listed or watched anywhere. */
function isServed({ verb, namespace }: RequestAttributes): boolean {
  if (verb === 'get') return namespace !== ''
  return verb === 'list' || verb === 'watch'
}
