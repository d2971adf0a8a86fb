import {
  ACCESS_API_VERSION,
  type AccessChangeObject,
  type AuditEventObject,
  type ChainObject,
  type ChainStatusObject,
  type ClusterObject,
  type DelegationChainObject,
  type EffectWord,
  type RequesterObject,
  type TouchObject,
  type VisitorObject,
} from '../../api/objects/access-objects.ts'
import { assert } from '../../core/assert.ts'
import type {
  AccessChange,
  AuditEvent,
  Effect,
  Outcome,
  RefusalSummary,
} from '../../core/audit/audit-event.ts'
import type { Actor, DelegationChain } from '../../core/chain.ts'
import type { Visitor } from '../../core/chain-visits.ts'
import type { Cluster } from '../../core/cluster.ts'
import { escapeTexts } from '../../core/escape-text.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { isFree } from '../../core/policy/obligations.ts'
import type { PodLife } from '../chains/chain-story.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { ObjectTouch } from '../store/workload-store.ts'

/** The pod that a chain belongs to. */
export function boundPod(chain: DelegationChain): Actor {
  const pod = chain.actors.at(-1)
  assert(pod !== undefined, 'a binding ends with the pod that it binds')
  return pod
}

/* What callers wrote ends in terminals, by kubectl's tables, YAML and jsonpath too: it is escaped here. */

/** What is told of a chain beside its binding; touches only where one chain is read. */
export interface ToldOfChain {
  readonly endsAtMs: number
  readonly state: PodLife
  readonly touches?: readonly ObjectTouch[]
}

/** A binding as people read it: named after the pod. */
export function toChainObject(
  binding: PodBinding,
  told: ToldOfChain,
  resourceVersion = binding.sequence,
): ChainObject {
  const pod = boundPod(binding.chain)
  return escapeTexts({
    apiVersion: ACCESS_API_VERSION,
    kind: 'Chain',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      uid: binding.podUid,
      resourceVersion: String(resourceVersion),
      creationTimestamp: toTime(binding.boundAtMs),
    },
    spec: {
      podUid: binding.podUid,
      cluster: toCluster(binding.cluster),
      ...(binding.sidecarVersion === '' ? {} : { sidecarVersion: binding.sidecarVersion }),
      ...toDelegationChainObject(binding.chain),
      beganAt: toTime(binding.beganAtMs),
      renewedAt: toTime(binding.renewedAtMs),
      visitors: binding.visits.visitors.map(toVisitor),
      visitsOmitted: binding.visits.omitted,
      ...(Number.isFinite(told.endsAtMs) ? { endsAt: toTime(told.endsAtMs) } : {}),
      ...(told.touches === undefined ? {} : { touches: told.touches.map(toTouch) }),
    },
    status: toChainStatus(told.state),
  })
}

/** A decision as people read it: named after its id in lower case, as object names must be. */
export function toAuditEventObject(event: AuditEvent): AuditEventObject {
  const { attributes, caller } = event
  return escapeTexts({
    apiVersion: ACCESS_API_VERSION,
    kind: 'AuditEvent',
    metadata: {
      name: event.id.toLowerCase(),
      namespace: caller.namespace,
      uid: event.id,
      resourceVersion: String(event.lastSequence),
      creationTimestamp: toTime(event.decidedAtMs),
    },
    spec: {
      decidedAt: toMicroTime(event.decidedAtMs),
      pod: caller.name,
      podUid: caller.podUid,
      container: event.container,
      cluster: toCluster(event.cluster),
      serviceAccount: caller.serviceAccount,
      rootRequester: event.chain.rootRequester.username,
      chain: toDelegationChainObject(event.chain),
      verb: attributes.verb,
      alsoVerbs: attributes.alsoVerbs,
      apiGroup: attributes.apiGroup,
      resource: attributes.resource,
      subresource: attributes.subresource,
      namespace: attributes.namespace,
      name: attributes.name,
      path: attributes.path,
      ...(attributes.exec === undefined ? {} : { exec: attributes.exec }),
      ...(attributes.portForward === undefined ? {} : { portForward: attributes.portForward }),
      effect: EFFECT_WORDS[event.effect],
      reason: event.reason,
      refusedBy: event.refusedBy,
      rule: event.rule,
      matches: event.matches,
      ...(isFree(event.obligations) ? {} : { obligations: event.obligations }),
      observed: event.observed,
      message: event.message,
      userAgent: event.userAgent,
      ...(event.impersonatedUser === undefined
        ? {}
        : { impersonatedUser: toRequester(event.impersonatedUser) }),
      ...(event.sentAhead === undefined ? {} : { sentAhead: event.sentAhead }),
      ...(event.grantId === undefined ? {} : { grant: event.grantId }),
      ...toSummary(event.summary),
    },
    status: { ...toStatus(event.outcome), ...toAccessChanges(event.accessChanges) },
  })
}

/** How the API writes an effect. */
export const EFFECT_WORDS = {
  allow: 'Allow',
  hold: 'Hold',
  deny: 'Deny',
} as const satisfies Record<Effect, EffectWord>

function toChainStatus({ phase, endedAtMs }: PodLife): ChainStatusObject {
  return endedAtMs === undefined ? { phase } : { phase, endedAt: toTime(endedAtMs) }
}

function toCluster({ id, name }: Cluster): ClusterObject {
  return name === '' ? { id } : { id, name }
}

function toSummary(
  summary: RefusalSummary | undefined,
): Pick<AuditEventObject['spec'], 'refusals' | 'lastAt' | 'samples'> {
  if (summary === undefined) return {}
  const { count, lastAtMs, samples } = summary
  return { refusals: count, lastAt: toMicroTime(lastAtMs), samples }
}

function toAccessChanges(
  changes: readonly AccessChange[] = [],
): Pick<AuditEventObject['status'], 'accessChanges'> {
  if (changes.length === 0) return {}
  return { accessChanges: changes.map(toAccessChange) }
}

function toAccessChange(change: AccessChange): AccessChangeObject {
  const { by, reason, scope, grantId } = change
  return {
    at: toMicroTime(change.atMs),
    change: change.change,
    request: change.requestId,
    ...(by === '' ? {} : { by }),
    ...(reason === '' ? {} : { reason }),
    ...(grantId === '' ? {} : { grant: grantId }),
    ...(scope === '' ? {} : { scope }),
    digest: change.digest,
    ...(change.breakGlass ? { breakGlass: true as const } : {}),
  }
}

function toStatus(outcome: Outcome | undefined): AuditEventObject['status'] {
  if (outcome === undefined) return { phase: 'Open' }
  const { httpStatus, fault, responseBytes, completedAtMs, withheld, masked } = outcome
  return {
    phase: 'Complete',
    httpStatus,
    fault,
    responseBytes,
    ...(withheld === undefined ? {} : { withheld }),
    ...(masked === undefined ? {} : { masked }),
    completedAt: toMicroTime(completedAtMs),
  }
}

/** A chain as people read it. */
export function toDelegationChainObject(chain: DelegationChain): DelegationChainObject {
  return {
    rootRequester: toRequester(chain.rootRequester),
    coRequesters: chain.coRequesters.map(toRequester),
    actors: chain.actors.map(({ namespace, name, podUid, serviceAccount, via }) => ({
      namespace,
      name,
      podUid,
      serviceAccount,
      via: via.map((step) => ({ kind: step.kind, name: step.name })),
    })),
  }
}

function toVisitor({ firstAtMs, lastAtMs, ...visitor }: Visitor): VisitorObject {
  return { ...visitor, firstAt: toTime(firstAtMs), lastAt: toTime(lastAtMs) }
}

function toTouch({ username, atMs, kind, name, fields }: ObjectTouch): TouchObject {
  return { username, at: toTime(atMs), object: `${kind}/${name}`, fields }
}

/** A user as people read it. */
export function toRequester({ username, uid, groups, extra }: UserInfo): RequesterObject {
  return {
    username,
    ...(uid === '' ? {} : { uid }),
    groups,
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  }
}

/** metav1.Time: RFC 3339, in whole seconds. */
export function toTime(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** metav1.MicroTime. */
function toMicroTime(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/Z$/, '000Z')
}
