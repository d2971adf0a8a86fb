/** Built-in denies, each with the sentence that a refused caller reads. */
export const GUARDS = {
  'launch-outside': 'pods may only be launched in a namespace where Lanyard injects its sidecar',
  credentials: 'credentials that the API server accepts may not be made or read by a pod',
  impersonation:
    'a pod may not act as someone else; send the request without Impersonate-* headers (kubectl: without --as), or have a policy rule of every requester lift this guard for the verb impersonate',
  'foreign-pod':
    'a pod may only reach into a pod that exists and is on record for the same root requester',
  sidecar: "a pod may not reach into Lanyard's sidecar",
  'node-proxy': 'the proxies of nodes, pods and services lead past every rule',
  'node-volumes':
    'what gives a volume or a device of a node to pods may not be made or changed by a pod',
  'lanyard-config':
    'what switches Lanyard on, says what it allows, or is what it rests on may not be changed by a pod',
  'rbac-escalation':
    "roles and their bindings may not be written by a pod: it is the pod's own rights, not its requesters', that the API server compares them with",
} as const

export type GuardName = keyof typeof GUARDS

const BY_A_PERSON = 'let an administrator do it with a kubeconfig of their own'

/** What a refused caller may do instead, where neither the guard nor a protected object says it. */
export const INSTEAD: Readonly<Record<Exclude<GuardName, 'impersonation'>, string>> = {
  'launch-outside': 'use a namespace that is opted in',
  credentials:
    'ask for a token whose audience is the service that it is for (kubectl create token --audience), or let a person make it',
  'foreign-pod':
    'reach into pods that the same root requester launched, or let a person do it who may',
  sidecar: 'name another container; its log may be read',
  'node-proxy': 'call the Service by its own address',
  'node-volumes': BY_A_PERSON,
  'lanyard-config': BY_A_PERSON,
  'rbac-escalation': 'let a person grant it',
}

/** Whether a guard of that name exists; a rule that lifts another is not valid. */
export function isGuardName(name: string): name is GuardName {
  return Object.hasOwn(GUARDS, name)
}
