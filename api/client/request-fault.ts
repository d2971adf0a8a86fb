import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { parseRequestInfo } from '../../core/kubernetes/request-info.ts'
import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import { ACCESS_GRANTS, ACCESS_REQUESTS } from '../objects/access-request-object.ts'
import { SESSIONS } from '../objects/session-object.ts'

/** What is said of a cluster that does not know the API. */
export const NOT_INSTALLED = 'Lanyard is not installed in this cluster, or its API is not available'
/** What to do about a cluster without Lanyard: the chart comes with its source, images are pushed. */
export const INSTALL_HINT =
  'an administrator installs it from a checkout of Lanyard, after pushing its images: helm install lanyard deploy/chart -n lanyard-system --create-namespace --wait --set image.registry=REGISTRY'
/** What the chart brings for people who may read chains and decisions. */
export const VIEWER_ROLE = 'lanyard-viewer'
/** What the chart brings for people who may read recordings, and end sessions. */
const REVIEWER_ROLE = 'lanyard-session-reviewer'
/** What the chart brings for people who answer held requests, and for those who may take their own back. */
const APPROVER_ROLE = 'lanyard-approver'
const REQUESTER_ROLE = 'lanyard-requester'
const APISERVICE = `${ACCESS_VERSION}.${ACCESS_GROUP}`
const ACCESS_PATH = `/apis/${ACCESS_GROUP}/`

interface FaultPlace {
  readonly server: string
  readonly context: string
}

interface RequestPlace extends FaultPlace {
  readonly method: string
  /** With its query. */
  readonly path: string
}

const CONNECTION_CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  ETIMEDOUT: 'nothing answered in time',
}

/** The cause of a Fault for HTTP 410: what was asked for was there and is removed. */
export const EXPIRED = 'Expired'

/** A request that got no answer. */
export function connectionFault(error: unknown, { server, context }: FaultPlace): Fault {
  if (error instanceof Fault) return error
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string }
  const why =
    CONNECTION_CODES[code] ?? (message === 'timed out' ? 'nothing answered in time' : message)
  const where = `${server}${context === '' ? '' : ` (context ${context})`}`
  return new Fault(
    'upstream_unavailable',
    `Cannot reach the cluster at ${where}: ${why}. Is it running, and is this the right context?`,
    { cause: error },
  )
}

/** A request that was refused or failed, with what to do about it. */
export function responseFault(httpStatus: number, body: string, place: RequestPlace): Fault {
  const status = parseStatus(body)
  const said = status.message === '' ? `HTTP ${httpStatus}` : status.message
  const aboutLanyard = place.path.startsWith(ACCESS_PATH)
  switch (httpStatus) {
    case 400:
      return new Fault('request_invalid', said)
    case 401:
      return new Fault(
        'identity_unverified',
        `The cluster does not accept the credentials of context ${place.context}: log in again, or choose another context (${said})`,
      )
    case 403:
      // A refusal that is not RBAC's says itself what to do.
      return new Fault('permission_denied', status.isOwn ? said : `${said}. ${whatToAskFor(place)}`)
    case 404:
      return aboutLanyard && status.name === ''
        ? new Fault('not_found', `${NOT_INSTALLED}: ${INSTALL_HINT}`)
        : new Fault('not_found', said)
    case 409:
      return new Fault('binding_conflict', said)
    case 410:
      return new Fault('not_found', said, { cause: EXPIRED })
    case 429:
      return new Fault('overloaded', said)
    case 503:
      return aboutLanyard
        ? new Fault(
            'upstream_unavailable',
            `Lanyard's API does not answer (${said}): look at kubectl get apiservice ${APISERVICE}`,
          )
        : new Fault('upstream_unavailable', said)
    default:
      return new Fault('upstream_unavailable', `The cluster answered HTTP ${httpStatus}: ${said}`)
  }
}

function whatToAskFor(place: RequestPlace): string {
  const attributes = attributesOf(place)
  if (attributes === undefined) return 'Ask an administrator for it'
  const { verb, resource, apiGroup, namespace, path } = attributes
  if (!attributes.resourceRequest) return `Ask an administrator for: ${verb} ${path}`
  const where = namespace === '' ? 'in the whole cluster' : `in namespace ${namespace}`
  const what = apiGroup === '' ? resource : `${resource}.${apiGroup}`
  const role = apiGroup === ACCESS_GROUP ? ` (ClusterRole ${roleFor(attributes)})` : ''
  return `Ask an administrator for: ${verb} ${what} ${where}${role}`
}

/** A viewer may see that a session was; who may see what was in it is asked apart. */
function roleFor({ resource, subresource, verb }: RequestAttributes): string {
  if (resource === SESSIONS && subresource !== '') return REVIEWER_ROLE
  if (resource === ACCESS_REQUESTS && subresource === 'cancel') return REQUESTER_ROLE
  const isAnswer = resource === ACCESS_REQUESTS && subresource !== ''
  return isAnswer || (resource === ACCESS_GRANTS && verb === 'delete') ? APPROVER_ROLE : VIEWER_ROLE
}

/** Undefined for a path that has no single meaning: what was refused is said all the same. */
function attributesOf({ method, path }: RequestPlace): RequestAttributes | undefined {
  try {
    return parseRequestInfo(method, path, undefined).attributes
  } catch {
    // Converted: the refusal itself must not be hidden by what is said about it.
    return undefined
  }
}

interface StatusParts {
  readonly message: string
  readonly name: string
  /** Whether Lanyard gave the reason itself, and not RBAC. */
  readonly isOwn: boolean
}

/** The parts of a Status that matter; another body is its own message. */
function parseStatus(body: string): StatusParts {
  try {
    const parsed = JSON.parse(body) as {
      message?: unknown
      details?: { name?: unknown; causes?: readonly { reason?: unknown }[] }
    }
    const { message, details } = parsed
    return {
      message: typeof message === 'string' ? message : '',
      name: typeof details?.name === 'string' ? details.name : '',
      isOwn: (details?.causes ?? []).some(({ reason }) => reason === 'LanyardFault'),
    }
  } catch {
    // Converted: kube-apiserver's proxy answers in plain text when its backend is away.
    return { message: body.trim().slice(0, 300), name: '', isOwn: false }
  }
}
