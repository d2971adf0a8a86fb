/** Built-in denies, each with the sentence that a refused caller reads. */
export const GUARDS = {
  'launch-outside': 'a pod may launch pods only in a namespace where Lanyard injects its sidecar',
  credentials: 'a pod may not make or read credentials that the API server accepts',
  impersonation:
    'a pod may not act as someone else; send the request without Impersonate-* headers (kubectl: without --as), or have a policy rule of every requester lift this guard for the verb impersonate',
  'foreign-pod':
    'a pod may reach into another pod only when that pod exists and is on record for the same root requester',
  sidecar: "a pod may not reach into Lanyard's sidecar",
  'node-proxy':
    'a pod may not use the proxies of nodes, pods and services: no rule decides what goes through them',
  'node-volumes':
    'a pod may not make or change the objects that give pods a volume or a device of a node',
  'lanyard-config':
    'a pod may not change the objects that switch Lanyard on, say what it allows, or keep it running',
  'rbac-escalation':
    'a pod may not write roles and their bindings: the API server compares them with the rights of the pod, not with those of its requesters',
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
