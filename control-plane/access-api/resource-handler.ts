import type { ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Fault } from '../../core/fault.ts'
import type { RequestInfo } from '../../core/kubernetes/request-info.ts'
import type { Status } from '../../core/kubernetes/status.ts'
import { SYSTEM_CLOCK } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import { type ApiResource, type Selection, withoutObjects } from './api-resource.ts'
import { toContinueToken } from './continue-token.ts'
import { type ListOptions, parseListOptions } from './list-options.ts'
import { negotiate } from './media-type.ts'
import {
  expiredStatus,
  goneStatus,
  jsonResponse,
  notAcceptableStatus,
  objectNotFoundStatus,
  statusResponse,
  tooLargeResourceVersionStatus,
} from './status-response.ts'
import { createRendering, parseIncludeObject, type Rendering } from './table.ts'
import { streamWatch, type WatchTimes } from './watch-stream.ts'

export interface ResourceHandlerDeps {
  readonly clock: { now(): number }
  readonly logger: Logger
  readonly watchTimes: WatchTimes
  readonly watchesMax: number
  /** Aborted when the process stops. */
  readonly stopping: AbortSignal
}

/** One request for objects, after it was authenticated and authorized. */
interface ResourceRequest {
  readonly requestInfo: RequestInfo
  readonly accept: string | undefined
  readonly outgoing: ServerResponse
  /** Asks again whether the user may do this. */
  readonly mayGoOn: () => Promise<boolean>
}

export type ResourceHandler = (resource: ApiResource, request: ResourceRequest) => Promise<Response>

/** How long a watch lasts whose client named no time: as kube-apiserver, so that many do not end at the same time. */
const WATCH_MS_MIN = 30 * 60_000
const WATCH_MS_SPREAD = 30 * 60_000

/** Answers get, list and watch of one resource. Throws `request_invalid`, `overloaded` and what a store throws. */
export function createResourceHandler(deps: ResourceHandlerDeps): ResourceHandler {
  let watches = 0

  async function watch(
    resource: ApiResource,
    request: ResourceRequest,
    selection: Selection,
    rendering: Rendering,
    options: ListOptions,
  ): Promise<Response> {
    if (watches >= deps.watchesMax) {
      throw new Fault('overloaded', `There are ${deps.watchesMax} watches already`)
    }
    const { outgoing } = request
    const gone = new AbortController()
    outgoing.once('close', () => gone.abort())
    const initial = options.sendInitialEvents ?? isUnset(options.resourceVersion)
    const { removedUntil, newest: current } = await resource.bounds()
    const asked = Number(options.resourceVersion)
    // From a log that was there before this one: the client lists again.
    if (!initial && asked > current) return statusResponse(expiredStatus(asked, current))
    if (!initial && !isUnset(options.resourceVersion) && asked < removedUntil) {
      return statusResponse(expiredStatus(asked, removedUntil))
    }
    const afterRevision = isUnset(options.resourceVersion) ? current : asked
    watches += 1
    try {
      await streamWatch(outgoing, {
        resource,
        selection,
        rendering,
        afterRevision: initial ? undefined : afterRevision,
        bookmarks: options.allowWatchBookmarks,
        marksInitialEnd: options.sendInitialEvents === true && options.allowWatchBookmarks,
        timeoutMs: watchMs(options.timeoutSeconds),
        times: deps.watchTimes,
        signal: AbortSignal.any([gone.signal, deps.stopping]),
        mayGoOn: request.mayGoOn,
        clock: SYSTEM_CLOCK,
        logger: deps.logger,
      })
    } finally {
      watches -= 1
    }
    return RESPONSE_ALREADY_SENT
  }

  return async function handle(resource, request) {
    const { attributes, query } = request.requestInfo
    const representation = negotiate(request.accept, ['object', 'Table', 'PartialObjectMetadata'])
    if (representation === undefined) return statusResponse(notAcceptableStatus())
    const include = query.find(([key]) => key === 'includeObject')?.[1] ?? ''
    const now = () => deps.clock.now()
    const rendering = createRendering(resource, representation, parseIncludeObject(include), now)
    if (attributes.verb === 'get') {
      const object = await resource.get(attributes.namespace, attributes.name)
      return object === undefined
        ? statusResponse(objectNotFoundStatus(attributes))
        : jsonResponse(rendering.one(object))
    }
    const options = parseListOptions(request.requestInfo, deps.clock.now())
    const selection = toSelection(resource, attributes.namespace, options)
    const view = options.selectsUnlabelled ? resource : withoutObjects(resource)
    return options.watch
      ? watch(view, request, selection, rendering, options)
      : list(view, selection, rendering, options)
  }
}

async function list(
  resource: ApiResource,
  selection: Selection,
  rendering: Rendering,
  options: ListOptions,
): Promise<Response> {
  if (options.sendInitialEvents !== undefined) {
    throw new Fault('request_invalid', 'The parameter sendInitialEvents is only for watches')
  }
  const { limit, position, sinceMs, untilMs, after, tail } = options
  const gone =
    after === undefined || position !== undefined ? undefined : await resource.whyGone(after)
  if (gone !== undefined) return statusResponse(goneStatus(gone))
  const page = await resource.list(selection, {
    limit,
    ...(position === undefined ? {} : { position }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
    ...(after === undefined ? {} : { after }),
    ...(tail === undefined ? {} : { tail }),
  })
  const refusal = refuseRevision(options, page.revision)
  if (refusal !== undefined) return statusResponse(refusal)
  const meta = {
    resourceVersion: String(page.revision),
    ...(page.next === undefined ? {} : { continue: toContinueToken(page.next) }),
  }
  return jsonResponse(rendering.list(page.objects, meta))
}

/** The newest state is all that can be listed. */
function refuseRevision(options: ListOptions, current: number): Status | undefined {
  const { resourceVersion, resourceVersionMatch } = options
  if (isUnset(resourceVersion) || options.position !== undefined) return undefined
  const requested = Number(resourceVersion)
  if (requested > current) return tooLargeResourceVersionStatus(requested, current)
  return resourceVersionMatch === 'Exact' && requested < current
    ? expiredStatus(requested, current)
    : undefined
}

/** Throws `request_invalid` for a field that the resource does not offer. */
function toSelection(resource: ApiResource, namespace: string, options: ListOptions): Selection {
  for (const { field } of options.requirements) {
    if (!resource.fields.includes(field)) {
      const supported = resource.fields.join(', ')
      throw new Fault(
        'request_invalid',
        `field label not supported: ${field}; ${resource.resource} supports ${supported}`,
      )
    }
  }
  return { namespace, requirements: options.requirements }
}

function isUnset(resourceVersion: '' | number): boolean {
  return resourceVersion === '' || resourceVersion === 0
}

function watchMs(timeoutSeconds: number | undefined): number {
  return timeoutSeconds === undefined
    ? WATCH_MS_MIN + Math.random() * WATCH_MS_SPREAD
    : timeoutSeconds * 1_000
}
