import { INJECTION_ENABLED, INJECTION_LABEL } from '../../core/names.ts'
import { GUARDS } from '../../core/policy/guard-names.ts'
import { SUITE_IMAGE } from './suite-images.ts'

/* What the suite needs in a cluster: two namespaces, a service account and a requester who may everything. */

/** How the suite's requests go: straight to kube-apiserver, or through Lanyard's sidecar. */
export type Way = 'direct' | 'sidecar'

export const NAMESPACES: Readonly<Record<Way, string>> = {
  direct: 'conformance-direct',
  sidecar: 'conformance-sidecar',
}
/** Who creates the pod through whose sidecar the suite runs. */
export const REQUESTER = 'conformance-requester'
export const POD = 'suite'
export const RESULTS = '/tmp/results'

const RBAC = 'rbac.authorization.k8s.io'

/** Everything but the pod. */
export function suiteObjects(): object {
  const items = (Object.keys(NAMESPACES) as readonly Way[]).flatMap(namespaceObjects)
  const subjects = [
    { kind: 'User', name: REQUESTER, apiGroup: RBAC },
    ...Object.values(NAMESPACES).map((namespace) => ({
      kind: 'ServiceAccount',
      name: POD,
      namespace,
    })),
  ]
  const binding = {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'conformance' },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects,
  }
  return { apiVersion: 'v1', kind: 'List', items: [...items, binding, policy()] }
}

function namespaceObjects(way: Way): readonly object[] {
  const name = NAMESPACES[way]
  const labels = way === 'sidecar' ? { [INJECTION_LABEL]: INJECTION_ENABLED } : {}
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: POD, namespace: name } },
  ]
}

/** All that a policy can allow. */
function policy(): object {
  const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespaces: ['*'] }
  const rule = { name: 'everything', effect: 'Allow', ...everything, lifts: Object.keys(GUARDS) }
  return {
    apiVersion: 'lanyard.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name: 'conformance' },
    spec: { subjects: [{ kind: 'User', name: REQUESTER }], rules: [rule] },
  }
}

/** The pod that runs a command and stays, so that its results can be fetched. */
export function suitePod(way: Way, command: string): object {
  const main = {
    name: 'main',
    image: SUITE_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', `${command}; exec sleep 1d`],
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: POD, namespace: NAMESPACES[way] },
    spec: {
      serviceAccountName: POD,
      restartPolicy: 'Never',
      // On a busy machine the node may be late for some minutes: the run goes on when it is back.
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 1,
      containers: [main],
      volumes: [{ name: 'tmp', emptyDir: {} }],
    },
  }
}
