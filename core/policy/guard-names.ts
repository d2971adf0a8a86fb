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

/** Whether a guard of that name exists; a rule that lifts another is not valid. */
export function isGuardName(name: string): name is GuardName {
  return Object.hasOwn(GUARDS, name)
}
