import { INJECTION_ENABLED, INJECTION_LABEL } from '../core/names.ts'
import type { Cluster } from '../test/cluster/cluster.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { createKubectl, type Kubectl } from '../test/demo/kubectl.ts'
import { pod as agentPod } from '../test/demo/manifests.ts'

/** Namespace where Lanyard watches, and one like it where it does not. */
export const BENCH_NAMESPACE = 'bench'
export const PLAIN_NAMESPACE = 'bench-plain'
const ACCOUNT = 'agent'
const REQUESTER = { name: 'alice', groups: ['developers'] } as const

/** Who does what in the benchmark's namespaces. */
export interface BenchPeople {
  readonly admin: Kubectl
  /** Root requester of every pod; an AccessPolicy says what she may. */
  readonly requester: Kubectl
  readonly requesterKubeconfig: string
}

export interface BenchPod {
  readonly name: string
  readonly uid: string
}

/** Makes both namespaces, the service account, RBAC and the AccessPolicy. */
export async function prepareNamespaces(cluster: Cluster): Promise<BenchPeople> {
  const kubectl = (kubeconfig: string) =>
    createKubectl({ kubectlPath: cluster.kubectlPath, kubeconfig, path: process.env['PATH'] ?? '' })
  const admin = kubectl(cluster.adminKubeconfig)
  const requesterKubeconfig = await cluster.kubeconfigFor(REQUESTER.name, REQUESTER.groups)
  const requester = kubectl(requesterKubeconfig)
  const items = [
    namespace(BENCH_NAMESPACE, { [INJECTION_LABEL]: INJECTION_ENABLED }),
    namespace(PLAIN_NAMESPACE, {}),
    ...[BENCH_NAMESPACE, PLAIN_NAMESPACE].flatMap(namespaceObjects),
    accessPolicy(),
  ]
  const list = { apiVersion: 'v1', kind: 'List', items }
  await admin.must(['apply', '-f', '-'], JSON.stringify(list))
  const accepted = '--for=condition=Accepted'
  await admin.must(['wait', accepted, '--timeout=30s', `accesspolicy/${REQUESTER.name}-bench`])
  return { admin, requester, requesterKubeconfig }
}

/** Starts pods as the requester does, and waits until they are ready. */
export async function startPods(
  people: BenchPeople,
  names: readonly string[],
  log: Log,
): Promise<readonly BenchPod[]> {
  const items = names.map((name) => agentPod(BENCH_NAMESPACE, name, ACCOUNT))
  return withProgress(log, `Starting ${names.length} injected pods`, async () => {
    const list = { apiVersion: 'v1', kind: 'List', items }
    await people.requester.must(['create', '-f', '-'], JSON.stringify(list))
    const pods = names.map((name) => `pod/${name}`)
    const where = ['-n', BENCH_NAMESPACE]
    await people.admin.must(['wait', ...where, '--for=condition=Ready', '--timeout=60s', ...pods])
    return Promise.all(
      names.map(async (name) => ({ name, uid: await readPodUid(people.admin, name) })),
    )
  })
}

/** The UID of a pod of the benchmark. Throws when there is none of that name. */
export async function readPodUid(admin: Kubectl, name: string): Promise<string> {
  const uid = ['-o', 'jsonpath={.metadata.uid}']
  return (await admin.must(['get', 'pod', '-n', BENCH_NAMESPACE, name, ...uid])).stdout
}

/** The pod as its requester sends it. */
export function benchPod(namespaceName: string, name: string): object {
  return agentPod(namespaceName, name, ACCOUNT)
}

/** A pod that is admitted as any other, and that nobody runs: the scheduler waits for its gate. */
export function gatedPod(namespaceName: string, name: string) {
  const pod = agentPod(namespaceName, name, ACCOUNT)
  const spec = { ...(pod['spec'] as object), schedulingGates: [{ name: 'lanyard.dev/bench' }] }
  return { ...pod, metadata: { namespace: namespaceName, name, labels: { bench: 'gated' } }, spec }
}

/** A pod that burns all the CPU that it gets, with ten times a sidecar's request. */
export function burningPod(namespaceName: string, name: string) {
  const pod = agentPod(namespaceName, name, ACCOUNT)
  const { containers, ...spec } = pod['spec'] as { readonly containers: readonly object[] }
  const burning = containers.map((container) => ({
    ...container,
    command: ['sh', '-c', 'while :; do :; done'],
    resources: { requests: { cpu: '100m' } },
  }))
  return { ...pod, spec: { ...spec, terminationGracePeriodSeconds: 1, containers: burning } }
}

function namespace(name: string, labels: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
}

/** What the service account and the requester may by RBAC: enough to send every load, and to start pods. */
function namespaceObjects(namespaceName: string): readonly object[] {
  const apiGroup = 'rbac.authorization.k8s.io'
  const metadata = { name: ACCOUNT, namespace: namespaceName }
  const verbs = ['get', 'list', 'watch', 'create', 'patch']
  const rules = [
    { apiGroups: [''], resources: ['pods', 'configmaps'], verbs },
    { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
  ]
  const subjects = [
    // The pods of one namespace list what is in the other, too.
    { kind: 'ServiceAccount', name: ACCOUNT, namespace: BENCH_NAMESPACE },
    { kind: 'User', name: REQUESTER.name, apiGroup },
  ]
  const roleRef = { apiGroup, kind: 'Role', name: ACCOUNT }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: `${apiGroup}/v1`, kind: 'Role', metadata, rules },
    { apiVersion: `${apiGroup}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects },
  ]
}

function accessPolicy(): object {
  return {
    apiVersion: 'lanyard.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name: `${REQUESTER.name}-bench` },
    spec: {
      subjects: [{ kind: 'User', name: REQUESTER.name }],
      rules: [
        allow('read-pods', ['pods'], ['get', 'list']),
        allow('exec', ['pods/exec'], ['get', 'create']),
        allow('use-configmaps', ['configmaps'], ['get', 'watch', 'create']),
      ],
    },
  }
}

function allow(name: string, resources: readonly string[], verbs: readonly string[]): object {
  const namespaces = [BENCH_NAMESPACE, PLAIN_NAMESPACE]
  return { name, effect: 'Allow', apiGroups: [''], resources, verbs, namespaces }
}
