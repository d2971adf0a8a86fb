import { CONTROL_PLANE_AUDIENCE } from '../names.ts'

/** Audiences that kube-apiserver takes by default; those of a cluster's own come besides. */
export const API_AUDIENCES: readonly string[] = [
  'https://kubernetes.default.svc',
  'https://kubernetes.default.svc.cluster.local',
  'kubernetes.default.svc',
  'kubernetes',
  'api',
]

/** Those, and ours. A token for another one is its own. */
export const OWN_AUDIENCES: readonly string[] = [CONTROL_PLANE_AUDIENCE, ...API_AUDIENCES]
