import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import { masksAbout } from '../masking/mask-rules.ts'
import type { RecordingLevel } from '../recording/session-event.ts'
import type { Decision } from './decision.ts'
import { NO_OBLIGATIONS, type Obligations, unionOf } from './obligations.ts'

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

/** Groups of the APIs that kube-apiserver serves itself, besides those that end in `.k8s.io`. */
const OWN_GROUPS = ['', 'apps', 'autoscaling', 'batch', 'extensions', 'policy']

/**
 * Whether a request may lead to a tunnel: exec, attach and portforward, and what a proxy or an aggregated API
 * serves below an object, such as the console of a virtual machine.
 */
function mayOpenTunnel(attributes: RequestAttributes): boolean {
  const { apiGroup, subresource } = attributes
  if (isTunnel(attributes) || subresource === 'proxy') return true
  const own = OWN_GROUPS.includes(apiGroup) || apiGroup.endsWith('.k8s.io')
  return !own && !['', 'status', 'scale'].includes(subresource)
}

/**
 * What a rule asks for of one request: there is nothing to record where no session begins, and nothing to mask in an
 * answer without such values.
 */
export function obligationsAbout(
  { mask, record, commands }: Obligations,
  attributes: RequestAttributes,
): Obligations {
  return {
    mask: masksAbout(mask, attributes),
    record: record === 'none' || mayOpenTunnel(attributes) ? record : 'none',
    commands,
  }
}

/**
 * The decision about a request, of which a tunnel is recorded at least at this level. What is typed is judged only
 * where it is recorded.
 */
export function withRecording(
  decision: Decision,
  attributes: RequestAttributes,
  level: RecordingLevel,
): Decision {
  if (decision.effect === 'deny') return decision
  const own = isTunnel(attributes) ? level : 'none'
  if (own === 'none' && decision.obligations.commands.length === 0) return decision
  const { record, ...others } = unionOf([decision.obligations, { ...NO_OBLIGATIONS, record: own }])
  const obligations = { ...others, record, ...(record === 'none' ? { commands: [] } : {}) }
  return { ...decision, obligations }
}

/** The decision in a namespace that only observes: lines pass as everything does. */
export function withoutLines(decision: Decision): Decision {
  if (decision.effect === 'deny' || decision.obligations.commands.length === 0) return decision
  return { ...decision, obligations: { ...decision.obligations, commands: [] } }
}
