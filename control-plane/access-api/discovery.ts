import { ACCESS_API_VERSION } from '../../api/objects/access-objects.ts'
import { AUDIT_STORES } from '../../api/objects/audit-store-object.ts'
import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import type { ApiResource, ResourceActions } from './api-resource.ts'

const VERBS = ['get', 'list', 'watch']
const VERSION = { groupVersion: ACCESS_API_VERSION, version: ACCESS_VERSION }

const STORE = { namespaced: false, kind: 'AuditStore' }

const kindOf = (kind: string) => ({ group: ACCESS_GROUP, version: ACCESS_VERSION, kind })

const GROUP = {
  name: ACCESS_GROUP,
  versions: [VERSION],
  preferredVersion: VERSION,
}

const verbsOf = (actions: ResourceActions | undefined) => [...VERBS, ...(actions?.verbs ?? [])]

/** What a subresource answers with; a stream is said to be of the object's kind. */
function answerOf(kind: string, { answers = {} }: ResourceActions, subresource: string): string {
  const answered = answers[subresource] ?? kind
  return answered === 'stream' ? kind : answered
}

function subresourcesOf(kind: string, actions: ResourceActions): unknown {
  return Object.entries(actions.subresources).map(([subresource, verbs]) => ({
    ...{ subresource, responseKind: kindOf(answerOf(kind, actions, subresource)), verbs },
  }))
}

/** `GET /apis` */
export function apiGroupList(): unknown {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [GROUP] }
}

/** `GET /apis/GROUP` */
export function apiGroup(): unknown {
  return { kind: 'APIGroup', apiVersion: 'v1', ...GROUP }
}

/** `GET /apis/GROUP/VERSION` */
export function apiResourceList(resources: readonly ApiResource[]): unknown {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: ACCESS_API_VERSION,
    resources: [
      ...resources.flatMap(({ resource, singular, kind, actions }) => [
        ...[
          {
            name: resource,
            singularName: singular,
            namespaced: true,
            kind,
            verbs: verbsOf(actions),
          },
        ],
        ...Object.entries(actions?.subresources ?? {}).map(([subresource, verbs]) => ({
          ...{
            name: `${resource}/${subresource}`,
            singularName: '',
            namespaced: true,
            kind: actions === undefined ? kind : answerOf(kind, actions, subresource),
            verbs,
          },
        })),
      ]),
      { ...STORE, name: AUDIT_STORES, singularName: 'auditstore', verbs: ['get', 'list'] },
      { ...STORE, name: `${AUDIT_STORES}/log`, singularName: '', verbs: ['get'] },
    ],
  }
}

/** `GET /apis` in the aggregated form that kube-apiserver and new clients ask for. */
export function apiGroupDiscoveryList(resources: readonly ApiResource[]): unknown {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: [
      {
        metadata: { name: ACCESS_GROUP, creationTimestamp: null },
        versions: [
          {
            version: ACCESS_VERSION,
            freshness: 'Current',
            resources: [
              ...resources.map(({ resource, singular, kind, actions }) => ({
                resource,
                responseKind: kindOf(kind),
                scope: 'Namespaced',
                singularResource: singular,
                verbs: verbsOf(actions),
                ...(actions === undefined ? {} : { subresources: subresourcesOf(kind, actions) }),
              })),
              {
                resource: AUDIT_STORES,
                responseKind: kindOf(STORE.kind),
                scope: 'Cluster',
                singularResource: 'auditstore',
                verbs: ['get', 'list'],
                subresources: [
                  { subresource: 'log', responseKind: kindOf(STORE.kind), verbs: ['get'] },
                ],
              },
            ],
          },
        ],
      },
    ],
  }
}
