import { Fault } from '../../core/fault.ts'
import {
  nonResourceAttributes,
  type RequestAttributes,
} from '../../core/kubernetes/request-attributes.ts'

/** Groups of the kinds that people write without one. Others are written out: `widgets.example.com`. */
const GROUPS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['deployments', 'replicasets', 'statefulsets', 'daemonsets', 'controllerrevisions'].map(
      (resource) => [resource, 'apps'],
    ),
  ),
  ...{ jobs: 'batch', cronjobs: 'batch', ingresses: 'networking.k8s.io' },
  ...{ networkpolicies: 'networking.k8s.io', horizontalpodautoscalers: 'autoscaling' },
  ...{ poddisruptionbudgets: 'policy', leases: 'coordination.k8s.io' },
  ...Object.fromEntries(
    ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'].map((resource) => [
      resource,
      'rbac.authorization.k8s.io',
    ]),
  ),
}

/** Short names, as kubectl takes them. */
const SHORT: Readonly<Record<string, string>> = {
  ...{ po: 'pods', pod: 'pods', svc: 'services', service: 'services', cm: 'configmaps' },
  ...{ configmap: 'configmaps', secret: 'secrets', ns: 'namespaces', namespace: 'namespaces' },
  ...{ deploy: 'deployments', deployment: 'deployments', sts: 'statefulsets', job: 'jobs' },
  ...{ sa: 'serviceaccounts', no: 'nodes', node: 'nodes', pvc: 'persistentvolumeclaims' },
}

const FORM = /^(?<main>[a-z0-9][-a-z0-9]*)(?:\.(?<group>[-a-z0-9.]+))?(?:\/(?<sub>[-a-z0-9]+))?$/
const TUNNELS = ['exec', 'attach', 'portforward']

/**
 * A request in the words of `kubectl auth can-i`: VERB, then RESOURCE[.GROUP][/SUBRESOURCE] and perhaps a NAME, or a
 * path such as `/metrics`. An exec, an attach and a port-forward are asked as kubectl opens them, by a GET. Throws
 * `request_invalid`.
 */
export function parseAskedRequest(
  verb: string,
  resource: string,
  name: string,
  namespace: string,
): RequestAttributes {
  if (resource.startsWith('/')) return nonResourceAttributes(verb, resource)
  const { main, group, sub = '' } = FORM.exec(resource)?.groups ?? {}
  if (main === undefined || !/^[a-z]+$/.test(verb)) {
    throw new Fault(
      'request_invalid',
      `${JSON.stringify(`${verb} ${resource}`)} is no request: want a verb and a resource, such as get deployments.apps or create pods/exec`,
    )
  }
  const plural = SHORT[main] ?? main
  const isTunnel = plural === 'pods' && TUNNELS.includes(sub)
  return {
    ...{ verb: isTunnel ? 'get' : verb, alsoVerbs: isTunnel ? ['create'] : [] },
    ...{ resourceRequest: true, apiVersion: 'v1', path: '', resource: plural, subresource: sub },
    apiGroup: group ?? GROUPS[plural] ?? '',
    // A Namespace object is itself in its namespace, as kube-apiserver sees it.
    namespace: plural === 'namespaces' && name !== '' ? name : namespace,
    name,
  }
}
