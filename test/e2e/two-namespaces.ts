import { INJECTION_ENABLED, INJECTION_LABEL } from '../../core/names.ts'
import type { Kubectl } from '../demo/kubectl.ts'

/* The same pods in a namespace with Lanyard and in one without, to compare what programs in them see. */

/** What one program said in each of the two namespaces. */
export interface Compared<Said> {
  readonly withLanyard: Said
  readonly without: Said
}

export interface TwoNamespaces {
  readonly watched: string
  readonly plain: string
  /** Makes these objects in both namespaces, at the same time, by the person whose pods they are. */
  create(objects: (namespace: string) => readonly object[]): Promise<void>
  /** Waits until these pods are ready in both. */
  ready(...pods: readonly string[]): Promise<void>
  /** Does the same in both namespaces at the same time. */
  inBoth<Said>(act: (namespace: string) => Promise<Said>): Promise<Compared<Said>>
  /** Runs a command in the container `main` of the pod `agent` of both, and gives what it printed. */
  run(command: readonly string[], input?: string): Promise<Compared<string>>
  remove(): Promise<void>
}

const READY = ['--for=condition=Ready', '--timeout=180s']
const RBAC = 'rbac.authorization.k8s.io'
/** Whose pods they are; an ordinary person who may do everything in the two namespaces. */
const AUTHOR = ['--as=pat', '--as-group=system:authenticated']

/**
 * Makes the two namespaces again, with a service account `worker` and an author `pat` who may both do
 * everything in them, and look at what operators look at. `kubectl` is the administrator's.
 */
export async function makeTwoNamespaces(kubectl: Kubectl, name: string): Promise<TwoNamespaces> {
  const watched = name
  const plain = `${name}-plain`
  const inBoth = async <Said>(act: (namespace: string) => Promise<Said>) => {
    const [withLanyard, without] = await Promise.all([act(watched), act(plain)])
    return { withLanyard, without }
  }
  const remove = async (...how: readonly string[]) => {
    const namespaces = ['delete', 'namespace', watched, plain, '--ignore-not-found']
    await kubectl.must([...namespaces, ...how])
    const discovery = [`clusterrole/${name}`, `clusterrolebinding/${name}`, '--ignore-not-found']
    await kubectl.must(['delete', ...discovery])
  }
  await remove('--wait')
  const list = (items: readonly object[]) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const labels = { [INJECTION_LABEL]: INJECTION_ENABLED }
  await kubectl.must(
    ['create', '-f', '-'],
    list([
      ...rights(watched, labels),
      ...rights(plain, {}),
      ...discovery(name, [...subjects(watched), ...subjects(plain)]),
    ]),
  )
  return {
    watched,
    plain,
    inBoth,
    create: async (objects) => {
      await inBoth((namespace) => {
        const create = ['create', '-n', namespace, ...AUTHOR, '-f', '-']
        return kubectl.must(create, list(objects(namespace)))
      })
    },
    ready: async (...pods) => {
      const names = pods.map((pod) => `pod/${pod}`)
      await inBoth((namespace) => kubectl.must(['wait', '-n', namespace, ...names, ...READY]))
    },
    run: (command, input = '') =>
      inBoth(async (namespace) => {
        const exec = ['exec', '-i', '-n', namespace, 'agent', '-c', 'main', '--', ...command]
        return (await kubectl.run(exec, input)).text
      }),
    // They are big; the next file has the machine to itself.
    remove: () => remove('--wait', '--timeout=120s'),
  }
}

function rights(namespace: string, labels: Readonly<Record<string, string>>): readonly object[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'worker', namespace } },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'everything', namespace },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: subjects(namespace),
    },
  ]
}

function subjects(namespace: string): readonly object[] {
  return [
    { kind: 'ServiceAccount', name: 'worker', namespace },
    { kind: 'User', name: 'pat', apiGroup: RBAC },
  ]
}

/** Operators look for new kinds and new namespaces. */
function discovery(name: string, subjects: readonly object[]): readonly object[] {
  const verbs = ['get', 'list', 'watch']
  const rules = [
    { apiGroups: [''], resources: ['namespaces'], verbs },
    { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs },
  ]
  const apiVersion = `${RBAC}/v1`
  const roleRef = { apiGroup: RBAC, kind: 'ClusterRole', name }
  return [
    { apiVersion, kind: 'ClusterRole', metadata: { name }, rules },
    { apiVersion, kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects },
  ]
}

/** A pod that prints one line, then serves a page of 300,000 bytes on port 8080. */
export function workerPod(name: string, image: string): object {
  const page = 'mkdir /tmp/page && cd /tmp/page && head -c 300000 /dev/zero >index.html'
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      serviceAccountName: 'worker',
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'IfNotPresent',
          // Without any, the pod that has no sidecar would have to wait for the one that has.
          resources: { requests: { cpu: '200m', memory: '128Mi' } },
          command: ['sh', '-c', `echo first line; ${page} && exec python3 -m http.server 8080`],
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
        },
      ],
    },
  }
}
