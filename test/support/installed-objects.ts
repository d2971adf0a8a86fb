import { namespaceObject } from './aggregating-cluster.ts'

const APPS = '/apis/apps/v1/namespaces/lanyard-system/deployments'
const ADMISSION = '/apis/admissionregistration.k8s.io/v1'
export const API_SERVICE_PATH =
  '/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.access.lanyard.dev'
export const ADMISSION_API_SERVICE_PATH =
  '/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.admission.lanyard.dev'
export const CONTROL_PLANE_PATH = `${APPS}/lanyard-control-plane`
export const INJECTOR_PATH = `${APPS}/lanyard-injector`
export const MUTATING_PATH = `${ADMISSION}/mutatingwebhookconfigurations`
export const VALIDATING_PATH = `${ADMISSION}/validatingwebhookconfigurations`
export const BINDINGS_PATH = `${ADMISSION}/validatingadmissionpolicybindings`
export const POLICIES_PATH = '/apis/lanyard.dev/v1alpha1/accesspolicies'
export const PROFILES_PATH = '/apis/lanyard.dev/v1alpha1/maskprofiles'
export const NAMESPACES_PATH = '/api/v1/namespaces'
export const PODS_PATH = '/api/v1/namespaces/team/pods'

export const DEPLOYMENTS_PATH = '/apis/apps/v1/namespaces/team/deployments'
export const LIMIT_RANGES_PATH = '/api/v1/namespaces/team/limitranges'
/** Of what there is none, in the namespace team and in the cluster. */
const EMPTY_LISTS = [
  DEPLOYMENTS_PATH,
  ...['statefulsets', 'daemonsets', 'replicasets'].map(
    (resource) => `/apis/apps/v1/namespaces/team/${resource}`,
  ),
  ...['cronjobs', 'jobs'].map((resource) => `/apis/batch/v1/namespaces/team/${resource}`),
  ...['replicationcontrollers', 'resourcequotas'].map(
    (resource) => `/api/v1/namespaces/team/${resource}`,
  ),
  LIMIT_RANGES_PATH,
  '/apis/lanyard.dev/v1alpha1/accessceilings',
  '/apis/lanyard.dev/v1alpha1/narrowingpolicies',
]

/** As the chart binds them. */
const ADMISSION_POLICIES = [
  'lanyard-sidecar-is-closed',
  'lanyard-tokens',
  'lanyard-token-secrets',
  'lanyard-pods',
  'lanyard-resize',
  'lanyard-bindings',
  'lanyard-controller-revisions',
  'lanyard-chain-revocations',
]

/** What a good installation of the chart looks like to `check`; `caPem` is its authority. */
export function installedObjects(caPem: string): readonly (readonly [string, unknown])[] {
  const caBundle = Buffer.from(caPem).toString('base64')
  return [
    [API_SERVICE_PATH, anApiService({ caBundle })],
    [ADMISSION_API_SERVICE_PATH, anApiService({ caBundle })],
    [CONTROL_PLANE_PATH, aWorkload('lanyard-control-plane', 1, 1)],
    [INJECTOR_PATH, aWorkload('lanyard-injector', 2, 2)],
    [MUTATING_PATH, list([aWebhookConfiguration('mutate.lanyard.dev')])],
    [VALIDATING_PATH, list([aWebhookConfiguration('validate.lanyard.dev')])],
    [BINDINGS_PATH, list(ADMISSION_POLICIES.map((name) => aPolicyBinding(name, 'Deny')))],
    [POLICIES_PATH, list([aPolicy('alice-agents', 'True', '')])],
    [PROFILES_PATH, list([aPolicy('payments', 'True', '')])],
    [
      NAMESPACES_PATH,
      list([
        namespaceObject('team'),
        namespaceObject('lanyard-system', {}),
        namespaceObject('default', {}),
      ]),
    ],
    [PODS_PATH, list([aPod('agent', { sidecar: true })])],
    ...EMPTY_LISTS.map((path) => [path, list([])] as const),
  ]
}

/** A list as kube-apiserver answers it. */
export function list(items: readonly unknown[]): unknown {
  return { kind: 'List', items }
}

/** The APIService of the access API; available unless told otherwise. */
export function anApiService(parts: {
  readonly caBundle: string
  readonly available?: boolean
  readonly message?: string
}): unknown {
  const { caBundle, available = true, message = '' } = parts
  return {
    spec: { caBundle, service: { namespace: 'lanyard-system', name: 'lanyard-control-plane' } },
    status: { conditions: [{ type: 'Available', status: available ? 'True' : 'False', message }] },
  }
}

/** A Deployment or StatefulSet of the chart, with as many replicas ready as are said. */
export function aWorkload(
  name: string,
  replicas: number,
  readyReplicas: number,
  version = '0.1.0',
): unknown {
  const labels = { 'app.kubernetes.io/version': version }
  const metadata = { name, namespace: 'lanyard-system', labels }
  return { metadata, spec: { replicas }, status: { replicas, readyReplicas } }
}

/** A webhook configuration of the injector; it fails closed unless told otherwise. */
export function aWebhookConfiguration(name: string, failurePolicy = 'Fail'): unknown {
  const path = '/apis/admission.lanyard.dev/v1alpha1/mutate'
  const service = { namespace: 'default', name: 'kubernetes', path, port: 443 }
  return { metadata: { name }, webhooks: [{ name, failurePolicy, clientConfig: { service } }] }
}

/** The binding of an admission policy, with its one action. */
export function aPolicyBinding(policyName: string, action: string): unknown {
  return { metadata: { name: policyName }, spec: { policyName, validationActions: [action] } }
}

/** An AccessPolicy or MaskProfile with what the control plane says of it. */
export function aPolicy(name: string, status: string, message: string): unknown {
  return { metadata: { name }, status: { conditions: [{ type: 'Accepted', status, message }] } }
}

/** A pod of a watched namespace, as `check` lists it. */
export function aPod(
  name: string,
  parts: {
    readonly sidecar?: boolean
    readonly owner?: { readonly kind: string; readonly name: string }
    readonly hash?: string
    readonly phase?: string
  },
): unknown {
  const { sidecar = false, owner, hash, phase = 'Running' } = parts
  return {
    metadata: {
      name,
      ...(hash === undefined ? {} : { labels: { 'pod-template-hash': hash } }),
      ...(owner === undefined
        ? {}
        : {
            ownerReferences: [
              {
                apiVersion: owner.kind === 'Job' ? 'batch/v1' : 'apps/v1',
                ...owner,
                controller: true,
              },
            ],
          }),
    },
    spec: { initContainers: sidecar ? [{ name: 'lanyard-sidecar' }] : [], containers: [] },
    status: { phase },
  }
}
