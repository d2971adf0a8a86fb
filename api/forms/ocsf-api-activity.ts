import type {
  AuditEventObject,
  AuditEventSpec,
  RequesterObject,
} from '../objects/access-objects.ts'
import { requestText, resourceText } from '../texts/request-text.ts'

/** The version of the schema whose form this is. */
export const OCSF_VERSION = '1.7.0'

/**
 * A decision as an event of the Open Cybersecurity Schema Framework, class API Activity (6003). The
 * actor is the account of the pod, as the API server sees it; whom the pod acts for is an observable,
 * so that a search finds it. What the class has no field for is in `unmapped`, as the API of Lanyard
 * has it.
 */
export function toOcsfApiActivity(event: AuditEventObject): unknown {
  const { metadata, spec, status } = event
  const activityId = ACTIVITIES[spec.verb] ?? OTHER
  const passed = spec.effect === 'Allow' || spec.observed
  const endsAt = status.completedAt ?? spec.lastAt
  return {
    ...{ category_uid: 6, class_uid: CLASS, type_uid: CLASS * 100 + activityId },
    ...{ activity_id: activityId, ...(activityId === OTHER ? { activity_name: spec.verb } : {}) },
    ...{ severity_id: passed ? INFORMATIONAL : LOW, time: Date.parse(spec.decidedAt) },
    ...(endsAt === undefined ? {} : spanOf(spec.decidedAt, endsAt)),
    ...(spec.refusals === undefined ? {} : { count: spec.refusals }),
    message: `${spec.effect}: ${requestText(spec)}`,
    ...statusOf(event, passed),
    metadata: {
      version: OCSF_VERSION,
      uid: metadata.uid,
      product: { name: 'Lanyard', vendor_name: 'Lanyard' },
      log_name: 'auditevents',
      original_time: spec.decidedAt,
    },
    actor: actorOf(event),
    api: apiOf(event),
    ...resourcesOf(spec),
    ...httpRequestOf(spec),
    src_endpoint: {
      name: `${metadata.namespace}/${spec.pod}`,
      instance_uid: spec.podUid,
      type_id: OTHER,
      type: 'Pod',
    },
    observables: observablesOf(spec),
    unmapped: unmappedOf(event),
  }
}

const CLASS = 6003
const OTHER = 99
const INFORMATIONAL = 1
const LOW = 2
/** Create, Read, Update and Delete of the class; every other verb is Other, by its name. */
const ACTIVITIES: Readonly<Record<string, number>> = {
  create: 1,
  get: 2,
  list: 2,
  watch: 2,
  update: 3,
  patch: 3,
  delete: 4,
  deletecollection: 4,
}

function spanOf(begin: string, end: string): object {
  const [beganMs, endedMs] = [Date.parse(begin), Date.parse(end)]
  return { start_time: beganMs, end_time: endedMs, duration: Math.max(0, endedMs - beganMs) }
}

function statusOf({ spec, status }: AuditEventObject, passed: boolean): object {
  const { httpStatus, fault = '' } = status
  const failed = !passed || fault !== '' || (httpStatus ?? 0) >= 400
  const isOpen = passed && httpStatus === undefined
  return {
    status_id: isOpen ? 0 : failed ? 2 : 1,
    ...(httpStatus === undefined ? {} : { status_code: String(httpStatus) }),
    status_detail: [spec.reason, spec.message, fault].filter((text) => text !== '').join(': '),
  }
}

function actorOf({ metadata, spec }: AuditEventObject): unknown {
  const { serviceAccount, rule } = spec
  return {
    user: {
      name: `system:serviceaccount:${metadata.namespace}:${serviceAccount}`,
      type_id: 4,
      groups: [
        { name: 'system:serviceaccounts' },
        { name: `system:serviceaccounts:${metadata.namespace}` },
      ],
    },
    app_name: `${metadata.namespace}/${spec.pod}`,
    app_uid: spec.podUid,
    authorizations: [
      {
        decision: spec.observed ? `${spec.effect} (observed)` : spec.effect,
        ...(rule === '' ? {} : { policy: { name: rule } }),
      },
    ],
  }
}

function apiOf({ metadata, spec, status }: AuditEventObject): unknown {
  const { httpStatus, fault = '' } = status
  return {
    operation: spec.verb,
    service: { name: 'kube-apiserver' },
    ...(spec.apiGroup === '' ? {} : { group: { name: spec.apiGroup } }),
    request: { uid: metadata.uid },
    ...(httpStatus === undefined
      ? {}
      : { response: { code: httpStatus, ...(fault === '' ? {} : { error: fault }) } }),
  }
}

function resourcesOf(spec: AuditEventSpec): object {
  if (spec.resource === '') return {}
  const { name, namespace } = spec
  return {
    resources: [
      {
        // A request for all of a kind names none.
        name: name === '' ? '*' : name,
        type: resourceText(spec),
        ...(namespace === '' ? {} : { namespace }),
      },
    ],
  }
}

function httpRequestOf({ userAgent, path }: AuditEventSpec): object {
  if (userAgent === '' && path === '') return {}
  return {
    http_request: {
      ...(userAgent === '' ? {} : { user_agent: userAgent }),
      ...(path === '' ? {} : { url: { path } }),
    },
  }
}

const USER_NAME = 4

function observablesOf({ chain, impersonatedUser }: AuditEventSpec): unknown {
  const user = (name: string, { username }: RequesterObject) => ({
    ...{ name, type_id: USER_NAME, value: username },
  })
  return [
    user('unmapped.chain.rootRequester.username', chain.rootRequester),
    ...chain.coRequesters.map((each) => user('unmapped.chain.coRequesters.username', each)),
    ...(impersonatedUser === undefined
      ? []
      : [user('unmapped.impersonatedUser.username', impersonatedUser)]),
  ]
}

/** Fields that stand elsewhere in the event, whole. */
const MAPPED: ReadonlySet<string> = new Set([
  ...['decidedAt', 'lastAt', 'pod', 'podUid', 'serviceAccount', 'rootRequester', 'verb'],
  ...['apiGroup', 'namespace', 'name', 'path', 'userAgent', 'refusals'],
  ...['httpStatus', 'completedAt'],
])

function unmappedOf({ metadata, spec, status }: AuditEventObject): unknown {
  const fields = Object.entries({ ...spec, ...status }).filter(
    ([field, value]) => !MAPPED.has(field) && value !== '' && value !== undefined,
  )
  return { podNamespace: metadata.namespace, ...Object.fromEntries(fields) }
}
