import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { RecordingLevel } from '../recording/session-event.ts'
import type { Decision } from './decision.ts'
import { NO_OBLIGATIONS, unionOf } from './obligations.ts'

/** Subresources of a pod through which bytes go both ways. Source: Kubernetes v1.34, pkg/registry/core/pod/rest. */
const TUNNELS = ['exec', 'attach', 'portforward']

/**
 * Whether a request opens a tunnel into a pod, whatever its verb: a GET over WebSocket and a POST over SPDY
 * open the same.
 */
export function isTunnel({
  resourceRequest,
  apiGroup,
  resource,
  subresource,
}: RequestAttributes): boolean {
  return resourceRequest && apiGroup === '' && resource === 'pods' && TUNNELS.includes(subresource)
}

/** The decision about a request, of which a tunnel is recorded at least at this level. */
export function withRecording(
  decision: Decision,
  attributes: RequestAttributes,
  level: RecordingLevel,
): Decision {
  if (decision.effect === 'deny' || level === 'none' || !isTunnel(attributes)) return decision
  const obligations = unionOf([decision.obligations, { ...NO_OBLIGATIONS, record: level }])
  return { ...decision, obligations }
}
