import { KEPT_TEMPLATE, WORKLOAD_KINDS } from '../kubernetes/workload-kinds.ts'
import { ACCESS_GROUP, ADMISSION_GROUP, LANYARD_GROUP, SYSTEM_NAMESPACE } from '../names.ts'
import type { GuardName } from './guard-names.ts'

/**
 * What a request does to an object: `change` is update, patch, and every verb that is not known, such
 * as `escalate`, `sign` or `bind`.
 */
export type Use = 'read' | 'create' | 'change' | 'delete'

/** Objects that a guard keeps from chains, by what kube-apiserver's authorizer sees of a request. */
export interface ProtectedObjects {
  /** Which guard refuses, and is to be lifted. */
  readonly guard: GuardName
  /** `*` is every group. */
  readonly apiGroups: readonly string[]
  /** As in RBAC: `x` is not `x/status`; `x/*` is every subresource of it; `*` is everything. */
  readonly resources: readonly string[]
  /** Absent: whatever their names. A request without a name reaches all of them. */
  readonly names?: readonly string[]
  /** Absent: wherever they are. A read over all namespaces reaches them too. */
  readonly namespaces?: readonly string[]
  /** Only where Lanyard injects no sidecar. */
  readonly onlyOutside?: true
  readonly uses: readonly Use[]
  /** Completes the refusal: why, and after a semicolon what to do instead, if it is not the guard's own. */
  readonly why: string
}

const SET = ['create', 'change'] as const
const WRITE = ['create', 'change', 'delete'] as const
const ALL = ['read', 'create', 'change', 'delete'] as const

const RBAC = 'rbac.authorization.k8s.io'

/** Built-in kinds that make pods, with all of their subresources: a status chooses templates, too. */
const LAUNCHERS: readonly Pick<ProtectedObjects, 'apiGroups' | 'resources' | 'why'>[] = [
  {
    apiGroups: [''],
    resources: ['pods', 'pods/ephemeralcontainers', ...launchersOf('')],
    why: 'the pod would run outside of every chain; use a namespace that is opted in',
  },
  {
    apiGroups: ['apps'],
    resources: launchersOf('apps'),
    why: 'it makes pods, and its status and scale say which; use a namespace that is opted in',
  },
  {
    apiGroups: [KEPT_TEMPLATE.group],
    resources: [KEPT_TEMPLATE.resource],
    why: 'StatefulSets and DaemonSets make pods of what stands in it',
  },
  {
    apiGroups: ['batch'],
    resources: launchersOf('batch'),
    why: 'it makes pods; use a namespace that is opted in',
  },
]

function launchersOf(group: (typeof WORKLOAD_KINDS)[number]['group']): readonly string[] {
  return WORKLOAD_KINDS.filter((one) => one.group === group).flatMap(({ resource }) => [
    resource,
    `${resource}/*`,
  ])
}

/** Every way to a credential that the API server takes, past the sidecar. */
const CREDENTIALS: readonly Omit<ProtectedObjects, 'guard'>[] = [
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['*'],
    uses: WRITE,
    why: 'the API server takes client certificates, and its clients trust what ClusterTrustBundles say',
  },
  {
    apiGroups: [''],
    resources: ['secrets'],
    namespaces: [SYSTEM_NAMESPACE],
    uses: ['read', ...SET],
    why: "Lanyard's own key may be there; list the Secrets of one namespace, not of all",
  },
  {
    apiGroups: [''],
    resources: ['secrets'],
    namespaces: ['kube-system'],
    uses: ['read', ...SET],
    why: "kube-system's Secrets are bootstrap tokens and those of controllers; list the Secrets of one other namespace, not of all",
  },
  {
    apiGroups: [''],
    resources: ['configmaps'],
    names: ['kube-root-ca.crt'],
    uses: ['change'],
    why: 'pods trust the API server by it, and would show their tokens to another',
  },
  {
    apiGroups: [''],
    resources: ['configmaps'],
    names: ['cluster-info'],
    namespaces: ['kube-public'],
    uses: ['change'],
    why: 'nodes that join trust the API server by it, and would show their tokens to another',
  },
]

/** Plural names of what the group of Lanyard defines. */
const KINDS = [
  ...['accessceilings', 'accesspolicies', 'narrowingpolicies'],
  ...['chainresets', 'chainrevocations', 'maskprofiles'],
]

const CLUSTER_ROLES = [
  ...['lanyard-control-plane', 'lanyard-injector', 'lanyard-viewer', 'lanyard-backup'],
  ...['lanyard-session-reviewer', 'lanyard-session-administrator', 'lanyard-session-importer'],
  ...['lanyard-approver', 'lanyard-requester'],
  ...['lanyard-chain-resetter', 'lanyard-narrower'],
]

/** What Lanyard is, and what kube-apiserver's trust in it rests on. */
const FOUNDATIONS: readonly Omit<ProtectedObjects, 'guard'>[] = [
  {
    apiGroups: ['*'],
    resources: ['*'],
    namespaces: [SYSTEM_NAMESPACE],
    uses: WRITE,
    why: 'Lanyard itself runs there',
  },
  {
    apiGroups: [LANYARD_GROUP, ACCESS_GROUP, ADMISSION_GROUP],
    resources: ['*'],
    uses: WRITE,
    why: 'they say what is allowed, and what is on record',
  },
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions', 'customresourcedefinitions/*'],
    names: KINDS.map((plural) => `${plural}.${LANYARD_GROUP}`),
    uses: ['change', 'delete'],
    why: 'all objects of Lanyard go with their definition',
  },
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['*'],
    uses: WRITE,
    why: 'it switches injection and the admission policies on and off',
  },
  {
    apiGroups: ['apiregistration.k8s.io'],
    resources: ['*'],
    uses: WRITE,
    why: 'it says who serves an API, the webhooks among them',
  },
  {
    apiGroups: [''],
    resources: ['namespaces', 'namespaces/*'],
    uses: WRITE,
    why: "a namespace's labels opt it in and out",
  },
  {
    apiGroups: [RBAC],
    resources: ['clusterroles', 'clusterrolebindings'],
    names: CLUSTER_ROLES,
    uses: ['delete'],
    why: 'Lanyard can neither ask nor decide without its rights; delete what is yours by name',
  },
  {
    apiGroups: [RBAC],
    resources: ['roles', 'rolebindings'],
    names: [
      ...['lanyard-control-plane-front-proxy', 'lanyard-injector-front-proxy'],
      'extension-apiserver-authentication-reader',
    ],
    namespaces: ['kube-system'],
    uses: ['delete'],
    why: 'Lanyard learns by it who speaks for others; delete what is yours by name',
  },
  {
    apiGroups: [''],
    resources: ['configmaps'],
    names: ['extension-apiserver-authentication'],
    namespaces: ['kube-system'],
    uses: ['change', 'delete'],
    why: 'it says who speaks for others to the webhooks and to the API for people',
  },
  {
    apiGroups: [''],
    resources: ['services', 'services/status', 'endpoints'],
    names: ['kubernetes'],
    namespaces: ['default'],
    uses: ['change', 'delete'],
    why: 'the webhooks and the sidecars find the API server by it',
  },
  {
    apiGroups: ['discovery.k8s.io'],
    resources: ['endpointslices'],
    namespaces: ['default'],
    uses: WRITE,
    why: 'those of the Service kubernetes are there, told apart by a label',
  },
  {
    apiGroups: ['flowcontrol.apiserver.k8s.io'],
    resources: ['*'],
    uses: WRITE,
    why: "it can leave Lanyard's own questions without an answer",
  },
  {
    apiGroups: [''],
    resources: ['nodes'],
    uses: ['create'],
    why: 'the API server sends exec, logs and its own certificate to the address in it',
  },
  {
    apiGroups: [''],
    resources: ['nodes/status'],
    uses: SET,
    why: 'the API server sends exec, logs and its own certificate to the address in it',
  },
]

/** Every way for a volume or a device to reach what is on a node, and what belongs to others. */
const VOLUMES: readonly Omit<ProtectedObjects, 'guard'>[] = [
  {
    apiGroups: [''],
    resources: ['persistentvolumes', 'persistentvolumes/status'],
    uses: SET,
    why: 'it can name a folder of a node, where the tokens of other pods are; claim one of a StorageClass',
  },
  {
    apiGroups: ['storage.k8s.io'],
    resources: [
      ...['storageclasses', 'volumeattributesclasses', 'csidrivers', 'csinodes'],
      ...['volumeattachments', 'volumeattachments/status'],
    ],
    uses: SET,
    why: 'it says to a driver what it mounts from where; use a class that is there',
  },
  {
    apiGroups: ['snapshot.storage.k8s.io', 'groupsnapshot.storage.k8s.io'],
    resources: [
      ...['volumesnapshotcontents', 'volumesnapshotcontents/*', 'volumesnapshotclasses'],
      ...['volumegroupsnapshotcontents', 'volumegroupsnapshotcontents/*'],
      'volumegroupsnapshotclasses',
    ],
    uses: SET,
    why: 'it can name the stored volume of somebody else; make a VolumeSnapshot of a claim',
  },
  {
    apiGroups: ['resource.k8s.io'],
    resources: ['deviceclasses', 'resourceslices', 'resourceclaims/status'],
    uses: SET,
    why: 'it says which device of a node a pod gets; make a ResourceClaim of a class that is there',
  },
]

const PROXIES: Omit<ProtectedObjects, 'guard'> = {
  apiGroups: [''],
  resources: ['nodes/proxy', 'pods/proxy', 'services/proxy'],
  uses: ALL,
  why: 'the program behind a proxy checks no chain; call the Service by its own address',
}

const GRANTS: readonly Omit<ProtectedObjects, 'guard'>[] = [
  {
    apiGroups: [RBAC],
    resources: ['*'],
    uses: SET,
    why: 'let a person grant it, or a policy lift the guard for those who may grant it',
  },
  {
    apiGroups: [''],
    resources: ['configmaps'],
    names: ['aws-auth'],
    namespaces: ['kube-system'],
    uses: ['change'],
    why: 'it binds accounts of a cloud to groups of RBAC',
  },
]

const guardedBy =
  (guard: GuardName) =>
  (objects: Omit<ProtectedObjects, 'guard'>): ProtectedObjects => ({ guard, ...objects })

/**
 * All that is kept from chains by what it is: what the chart installs, what kube-apiserver's trust in
 * it rests on, every way to a credential, to a node's folders, and to a pod outside of every chain.
 * What depends on more than the request is in guards.ts. A read is there where it is the leak.
 */
export const PROTECTED_OBJECTS: readonly ProtectedObjects[] = [
  ...LAUNCHERS.map((objects) =>
    guardedBy('launch-outside')({ ...objects, uses: SET, onlyOutside: true }),
  ),
  ...CREDENTIALS.map(guardedBy('credentials')),
  guardedBy('node-proxy')(PROXIES),
  ...VOLUMES.map(guardedBy('node-volumes')),
  ...FOUNDATIONS.map(guardedBy('lanyard-config')),
  ...GRANTS.map(guardedBy('rbac-escalation')),
]
