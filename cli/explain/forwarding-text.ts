import type { AuditEventObject } from '../../api/objects/access-objects.ts'

/** What the API server got of a request, and under which id its own audit has it; plain text, not yet escaped. */
export function forwardingText({ spec, status, metadata }: AuditEventObject): string {
  const account = `with the service account ${metadata.namespace}/${spec.serviceAccount}`
  const joined = `Audit-ID at kube-apiserver: ${metadata.uid}`
  if (status.withheld) {
    return `sent ahead of the decision ${account}, and the answer was thrown away; ${joined}`
  }
  if (spec.effect === 'Allow' || spec.observed) {
    const failed = status.fault && !spec.sentAhead
    return `${failed ? 'to be forwarded' : 'forwarded'} ${account}; ${joined}`
  }
  if (spec.sentAhead) {
    return `sent ahead of the decision ${account}; the pod did not get the answer; ${joined}`
  }
  return 'nothing was forwarded to the API server'
}
