import { stringify } from 'yaml'

/* What an administrator sets up before the story, and what its pods start. */

/** The namespace where Lanyard watches, and one like it where it does not. */
export const WATCHED = 'team'
export const UNWATCHED = 'open'
export const AGENT_IMAGE = 'lanyard-test/agent:latest'

interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly [field: string]: unknown
}

/** What alice may do, and what the agent's own service account may: start work, and look at it. */
const MODEST_RULES = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'create'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'list', 'watch', 'create'] },
]

/** What the agent's service account may besides: alice may not, until a policy says so. */
const LOOK_RULES = [
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'update'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'patch'] },
]

/** What the Job's service account may: far more than alice. */
const STRONG_RULES = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]

function role(
  namespace: string,
  name: string,
  rules: unknown,
  subject: object,
): KubernetesObject[] {
  const metadata = { name, namespace }
  const apiGroup = 'rbac.authorization.k8s.io'
  const roleRef = { apiGroup, kind: 'Role', name }
  return [
    { apiVersion: `${apiGroup}/v1`, kind: 'Role', metadata, rules },
    { apiVersion: `${apiGroup}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects: [subject] },
  ]
}

/** Who may answer what is held there, if a policy names them. */
function approvers(namespace: string): KubernetesObject {
  const apiGroup = 'rbac.authorization.k8s.io'
  return {
    ...{ apiVersion: `${apiGroup}/v1`, kind: 'RoleBinding' },
    metadata: { name: 'approvers', namespace },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'lanyard-approver' },
    subjects: [{ apiGroup, kind: 'Group', name: 'oncall' }],
  }
}

/** Everything of one namespace: who may what, a Secret to covet and a Deployment to delete. */
export function namespaceObjects(namespace: string): readonly KubernetesObject[] {
  const account = (name: string) => ({ kind: 'ServiceAccount', name, namespace })
  const alice = { kind: 'User', name: 'alice', apiGroup: 'rbac.authorization.k8s.io' }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'agent', namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'builder', namespace } },
    ...role(namespace, 'alice', MODEST_RULES, alice),
    ...role(namespace, 'agent', [...MODEST_RULES, ...LOOK_RULES], account('agent')),
    ...role(namespace, 'builder', STRONG_RULES, account('builder')),
    approvers(namespace),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'db', namespace },
      stringData: { password: 'correct-horse' },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop', namespace },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'shop' } },
        template: { metadata: { labels: { app: 'shop' } }, spec: podSpec('agent', 600) },
      },
    },
  ]
}

/** A pod that waits to be looked into. It is as restricted as Pod Security wants. */
export function podSpec(serviceAccountName: string, seconds: number): object {
  const securityContext = {
    runAsNonRoot: true,
    runAsUser: 1000,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  }
  return {
    serviceAccountName,
    terminationGracePeriodSeconds: 1,
    restartPolicy: 'Always',
    containers: [
      {
        name: 'main',
        image: AGENT_IMAGE,
        imagePullPolicy: 'IfNotPresent',
        command: [
          'sh',
          '-c',
          `i=0; while [ $i -lt ${seconds} ]; do echo tick $i; i=$((i+1)); sleep 1; done`,
        ],
        securityContext,
      },
    ],
  }
}

/** A pod that says tick each second for an hour. */
export function pod(namespace: string, name: string, serviceAccountName: string): KubernetesObject {
  const spec = podSpec(serviceAccountName, 3_600)
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec }
}

/** A Job of one such pod. */
export function job(namespace: string, name: string, serviceAccountName: string): KubernetesObject {
  const spec = { ...podSpec(serviceAccountName, 3_600), restartPolicy: 'Never' }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: { template: { spec } },
  }
}

/** One of the files that the story's people create things from. */
export interface Manifest {
  /** Below the folder of the stage. */
  readonly name: string
  readonly text: string
}

/** The three launches of one namespace, as files. */
export function manifestsOf(
  namespace: string,
): Readonly<Record<'agent' | 'job' | 'third', Manifest>> {
  const file = (name: string, object: KubernetesObject) => ({
    name: `${namespace}/${name}.yaml`,
    text: stringify(object, { lineWidth: 0 }),
  })
  return {
    agent: file('agent', pod(namespace, 'agent', 'agent')),
    job: file('job', job(namespace, 'build', 'builder')),
    third: file('third', pod(namespace, 'third', 'builder')),
  }
}

/** What may run in pods when alice's pods open sessions there; and that they may do the rest as before. */
export const POLICY = {
  name: 'alice-looks-inside',
  /** Of the rule that lists commands. */
  rule: 'look',
  file: {
    name: 'alice-looks-inside.yaml',
    text: `apiVersion: lanyard.dev/v1alpha1
kind: AccessPolicy
metadata: {name: alice-looks-inside}
spec:
  subjects: [{kind: User, name: alice}]
  rules:
  - name: work
    effect: Allow
    apiGroups: ["", batch]
    resources: [pods, pods/log, jobs]
    verbs: [get, list, watch, create]
    namespaces: [${WATCHED}]
  - name: look
    effect: Allow
    apiGroups: [""]
    resources: [pods/exec]
    verbs: [get, create]
    namespaces: [${WATCHED}]
    commands:
      allow:
      - [ls, "**"]
      - pattern: [cat, "*"]
        examples: {matches: [[sh, -c, cat /etc/hosts]], not: [[cat, a, b]]}
`,
  } satisfies Manifest,
} as const

/** What alice's pods may do with Secrets without seeing what is in them. */
export const MASK_POLICY = {
  name: 'alice-sees-no-values',
  file: {
    name: 'alice-sees-no-values.yaml',
    text: `apiVersion: lanyard.dev/v1alpha1
kind: AccessPolicy
metadata: {name: alice-sees-no-values}
spec:
  subjects: [{kind: User, name: alice}]
  rules:
  - name: secrets
    effect: Allow
    apiGroups: [""]
    resources: [secrets]
    verbs: [get, update]
    namespaces: [${WATCHED}]
    mask: [secret-values]
`,
  } satisfies Manifest,
} as const

/** Changes of Deployments that alice's pods ask for wait for somebody on call. */
export const APPROVAL_POLICY = {
  name: 'alice-asks-first',
  file: {
    name: 'alice-asks-first.yaml',
    text: `apiVersion: lanyard.dev/v1alpha1
kind: AccessPolicy
metadata: {name: alice-asks-first}
spec:
  subjects: [{kind: User, name: alice}]
  rules:
  - name: look
    effect: Allow
    apiGroups: [apps]
    resources: [deployments]
    verbs: [get]
    namespaces: [${WATCHED}]
  - name: change
    effect: RequireApproval
    apiGroups: [apps]
    resources: [deployments]
    verbs: [patch]
    namespaces: [${WATCHED}]
    approval:
      approvers: [{kind: Group, name: oncall}]
      requireReason: true
      wait: 1s
`,
  } satisfies Manifest,
} as const
