import { Fault } from '../../core/fault.ts'
import { isDnsSubdomain } from '../../core/kubernetes/dns-names.ts'
import { apiVersionOf, WORKLOAD_KINDS } from '../../core/kubernetes/workload-kinds.ts'

/** An object that makes pods, as it is named on the command line. */
export interface WorkloadName {
  readonly apiVersion: string
  readonly kind: string
  /** As its API calls it, such as `deployments`. */
  readonly resource: string
  readonly name: string
}

/** Short names of kubectl. */
const SHORT: Readonly<Record<string, string>> = {
  deploy: 'deployments',
  rs: 'replicasets',
  sts: 'statefulsets',
  ds: 'daemonsets',
  cj: 'cronjobs',
  rc: 'replicationcontrollers',
}

/**
 * From `KIND/NAME` as kubectl takes and prints it: `deploy/web`, `deployment.apps/web`. Throws
 * `request_invalid`.
 */
export function parseWorkloadName(text: string): WorkloadName {
  const [typed = '', name = '', ...rest] = text.split('/')
  const [word = '', ...group] = typed.toLowerCase().split('.')
  const known = WORKLOAD_KINDS.find(
    ({ group: own, kind, resource }) =>
      [resource, kind.toLowerCase()].includes(SHORT[word] ?? word) &&
      (group.length === 0 || own === group.join('.')),
  )
  if (known === undefined || rest.length > 0 || !isDnsSubdomain(name)) {
    const kinds = WORKLOAD_KINDS.map(({ kind }) => kind.toLowerCase()).join(', ')
    throw new Fault(
      'request_invalid',
      `${JSON.stringify(text)} is no object that makes pods: want KIND/NAME, with one of ${kinds}`,
    )
  }
  return { apiVersion: apiVersionOf(known), kind: known.kind, resource: known.resource, name }
}
