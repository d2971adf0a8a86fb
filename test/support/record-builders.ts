import type { NewAuditEvent } from '../../control-plane/store/audit-event-store.ts'
import type {
  NewPodBinding,
  PodBinding,
  PodBindingStore,
} from '../../control-plane/store/pod-binding-store.ts'
import type { Outcome } from '../../core/audit/audit-event.ts'
import type { Actor, DelegationChain, Via } from '../../core/chain.ts'
import { NO_VISITS } from '../../core/chain-visits.ts'
import { UNKNOWN_CLUSTER } from '../../core/cluster.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import { aRequest } from './policy-builders.ts'

/** 2026-11-23T10:00:00Z */
export const NOON_MS = Date.UTC(2026, 10, 23, 10)

/** A person, as kube-apiserver authenticates a client certificate. */
export function aUser(username: string, groups: readonly string[] = ['developers']): UserInfo {
  return { username, uid: '', groups: [...groups, 'system:authenticated'], extra: {} }
}

/** UID of the pod with this number. */
export function aPodUid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

/** Pod `team/NAME` with a service account of the same name. */
export function anActor(number: number, name: string, via: readonly Via[] = []): Actor {
  return { podUid: aPodUid(number), namespace: 'team', name, serviceAccount: name, via }
}

export const AGENT = anActor(1, 'agent')
export const BUILD = anActor(2, 'build-x7k2', [{ kind: 'Job', name: 'build' }])
export const THIRD = anActor(3, 'third')

/** alice → agent → Job build → build-x7k2 → third, as far as `actors` go. */
export function aChain(actors: readonly Actor[], root = aUser('alice')): DelegationChain {
  return { rootRequester: root, coRequesters: [], actors }
}

/** The binding of the last of `actors` to the chain of all of them. */
export function aBinding(
  actors: readonly Actor[],
  parts: Partial<NewPodBinding> = {},
): NewPodBinding {
  return {
    podUid: actors.at(-1)?.podUid ?? '',
    chain: aChain(actors),
    boundAtMs: NOON_MS,
    beganAtMs: NOON_MS,
    renewedAtMs: NOON_MS,
    ...parts,
  }
}

/** The same as a store gives it back for the pod that enrolled as number `sequence`. */
export function anEnrolledBinding(
  actors: readonly Actor[],
  sequence: number,
  parts: Partial<PodBinding> = {},
): PodBinding {
  const added = { growth: 0, visits: NO_VISITS, sequence, firstSequence: sequence }
  const said = { cluster: UNKNOWN_CLUSTER, sidecarVersion: '' }
  return { ...aBinding(actors), ...added, ...said, ...parts }
}

/** Binds a pod whose sidecar has enrolled. */
export async function recordEnrolled(
  bindings: Pick<PodBindingStore, 'record' | 'markEnrolled'>,
  binding: NewPodBinding,
): Promise<void> {
  await bindings.record(binding)
  await bindings.markEnrolled(binding.podUid, '')
}

/** Id of the decision with this number: a ULID of that second, in the order of the numbers. */
export function aDecisionId(number: number): string {
  return `${ulidTime(NOON_MS + number * 1_000)}${String(number).padStart(16, '0')}`
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

function ulidTime(unixMs: number): string {
  let rest = unixMs
  let text = ''
  for (let digit = 0; digit < 10; digit += 1) {
    text = `${CROCKFORD[rest % 32]}${text}`
    rest = Math.floor(rest / 32)
  }
  return text
}

/** Decision `number`, made that many seconds after ten: team/agent may get pods. */
export function aDecision(number: number, parts: Partial<NewAuditEvent> = {}): NewAuditEvent {
  return {
    id: aDecisionId(number),
    decidedAtMs: NOON_MS + number * 1_000,
    caller: AGENT,
    container: 'agent',
    cluster: UNKNOWN_CLUSTER,
    chain: aChain([AGENT]),
    attributes: aRequest({}),
    effect: 'allow',
    reason: 'rbac_allows',
    refusedBy: '',
    rule: '',
    matches: [],
    obligations: NO_OBLIGATIONS,
    observed: false,
    userAgent: 'kubectl/v1.34.4 (linux/amd64)',
    message: '',
    ...parts,
  }
}

/** team/build-x7k2 may not read the Secret db: alice may not. */
export function aRefusal(number: number, parts: Partial<NewAuditEvent> = {}): NewAuditEvent {
  return aDecision(number, {
    caller: BUILD,
    container: 'build',
    chain: aChain([AGENT, BUILD]),
    attributes: aRequest({
      resource: 'secrets',
      name: 'db',
      path: '/api/v1/namespaces/team/secrets/db',
    }),
    effect: 'deny',
    reason: 'rbac_denies',
    refusedBy: 'alice',
    message: `secrets "db" is forbidden: alice (root requester of pod team/build-x7k2) cannot get resource "secrets" in API group "" in the namespace "team": RBAC does not allow it [decision ${aDecisionId(number)}]`,
    ...parts,
  })
}

/** The outcome of a request that ended 20 ms after its decision. */
export function anOutcome(number: number, parts: Partial<Outcome> = {}): Outcome {
  return {
    httpStatus: 200,
    fault: '',
    responseBytes: 1_234,
    completedAtMs: NOON_MS + number * 1_000 + 20,
    ...parts,
  }
}
