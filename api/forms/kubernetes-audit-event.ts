import { LANYARD_GROUP } from '../../core/names.ts'
import type {
  AuditEventObject,
  AuditEventSpec,
  AuditEventStatus,
  RequesterObject,
} from '../objects/access-objects.ts'

/**
 * A decision as kube-apiserver's own audit writes requests, `Event` of `audit.k8s.io/v1`. The user is
 * the account of the pod, as the API server sees it; whom the pod acts for is in its `extra`. What the
 * form has no field for is an annotation `lanyard.dev/…`, as JSON when it is not a text.
 * Source: Kubernetes apiserver/pkg/apis/audit/v1/types.go (v1.34).
 */
export function toKubernetesAuditEvent({ metadata, spec, status }: AuditEventObject): unknown {
  const { userAgent, impersonatedUser, verb, path, decidedAt, lastAt } = spec
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: metadata.uid,
    stage: status.phase === 'Complete' ? 'ResponseComplete' : 'ResponseStarted',
    requestURI: path,
    verb,
    user: userOf(metadata.namespace, spec),
    ...(impersonatedUser === undefined ? {} : { impersonatedUser: toUser(impersonatedUser) }),
    ...(userAgent === '' ? {} : { userAgent }),
    ...objectRefOf(spec),
    ...responseOf(spec, status),
    requestReceivedTimestamp: decidedAt,
    stageTimestamp: status.completedAt ?? lastAt ?? decidedAt,
    annotations: annotationsOf(metadata.namespace, spec, status),
  }
}

function userOf(namespace: string, spec: AuditEventSpec): unknown {
  const { chain, serviceAccount, pod, podUid } = spec
  const names = (people: readonly RequesterObject[]) => people.map(({ username }) => username)
  return {
    username: `system:serviceaccount:${namespace}:${serviceAccount}`,
    groups: [
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ],
    extra: {
      'authentication.kubernetes.io/pod-name': [pod],
      'authentication.kubernetes.io/pod-uid': [podUid],
      [`${LANYARD_GROUP}/root-requester`]: [chain.rootRequester.username],
      [`${LANYARD_GROUP}/co-requesters`]: names(chain.coRequesters),
      [`${LANYARD_GROUP}/actors`]: chain.actors.map((actor) => `${actor.namespace}/${actor.name}`),
    },
  }
}

function toUser({ username, uid, groups, extra }: RequesterObject): unknown {
  return { username, ...(uid === undefined ? {} : { uid }), groups, ...(extra && { extra }) }
}

function objectRefOf(spec: AuditEventSpec): object {
  const { resource, namespace, name, apiGroup, subresource } = spec
  if (resource === '') return {}
  const parts = { resource, namespace, name, apiGroup, subresource }
  return { objectRef: Object.fromEntries(Object.entries(parts).filter(([, text]) => text !== '')) }
}

function responseOf(
  { effect, observed, message }: AuditEventSpec,
  { httpStatus, fault }: AuditEventStatus,
): object {
  if (httpStatus === undefined) return {}
  const refused = effect !== 'Allow' && !observed
  const failed = refused || (fault ?? '') !== '' || httpStatus >= 400
  return {
    responseStatus: {
      metadata: {},
      status: failed ? 'Failure' : 'Success',
      ...(refused ? { message, reason: 'Forbidden' } : {}),
      ...(refused || !fault ? {} : { reason: fault }),
      code: httpStatus,
    },
  }
}

/** Fields that stand elsewhere in the event, whole. */
const MAPPED: ReadonlySet<string> = new Set([
  ...['decidedAt', 'pod', 'podUid', 'rootRequester', 'serviceAccount', 'verb', 'userAgent'],
  ...['apiGroup', 'resource', 'subresource', 'namespace', 'name', 'path', 'impersonatedUser'],
  ...['httpStatus', 'completedAt', 'phase'],
])

function annotationsOf(namespace: string, spec: AuditEventSpec, status: AuditEventStatus): unknown {
  const fields = Object.entries({ ...spec, ...status }).filter(
    ([field, value]) => !MAPPED.has(field) && value !== '' && value !== undefined,
  )
  return Object.fromEntries([
    [`${LANYARD_GROUP}/pod-namespace`, namespace],
    ...fields.map(([field, value]) => [
      `${LANYARD_GROUP}/${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  ])
}
