import type { PodLife } from '../../control-plane/chains/chain-story.ts'
import type {
  AuditEventFilter,
  AuditEventStore,
  NewAuditEvent,
} from '../../control-plane/store/audit-event-store.ts'
import type {
  PodBinding,
  PodBindingFilter,
  PodBindingStore,
} from '../../control-plane/store/pod-binding-store.ts'
import type { AuditEvent, Outcome } from '../../core/audit/audit-event.ts'
import { userKey } from '../../core/chain.ts'
import { NO_VISITS } from '../../core/chain-visits.ts'
import { UNKNOWN_CLUSTER } from '../../core/cluster.ts'
import { Fault } from '../../core/fault.ts'

/** The audit log in memory, by the same rules as the one on disk. */
export function createMemoryAuditEventStore(): AuditEventStore {
  const events: AuditEvent[] = []
  const commits = createListeners()
  let revision = 0

  return {
    async append(event: NewAuditEvent) {
      revision += 1
      events.push({ ...event, sequence: events.length + 1, revision })
      commits.call()
    },
    async complete(podUid: string, decisionId: string, outcome: Outcome) {
      const index = events.findIndex(
        ({ id, caller }) => id === decisionId && caller.podUid === podUid,
      )
      const event = events[index]
      if (event === undefined || event.outcome !== undefined) return
      revision += 1
      events[index] = { ...event, outcome, revision }
      commits.call()
    },
    async sum(podUid, decisionId, summary) {
      const index = events.findIndex(
        ({ id, caller }) => id === decisionId && caller.podUid === podUid,
      )
      const event = events[index]
      if (event === undefined) return
      revision += 1
      events[index] = { ...event, summary, revision }
      commits.call()
    },
    async get(id) {
      return events.find((event) => event.id === id)
    },
    async list(filter, { afterSequence, untilSequence = Infinity, limit }) {
      const found = events
        .filter(({ sequence }) => sequence > afterSequence && sequence <= untilSequence)
        .filter((event) => matchesEvent(filter, event))
      return { events: found.slice(0, limit), revision, sequence: events.length }
    },
    async changes(filter, { afterRevision, untilRevision = Infinity, limit }) {
      const found = events
        .filter((event) => event.revision > afterRevision && event.revision <= untilRevision)
        .filter((event) => matchesEvent(filter, event))
        .sort((a, b) => a.revision - b.revision)
      return { events: found.slice(0, limit), revision, sequence: events.length }
    },
    onCommit: commits.add,
  }
}

function matchesEvent(filter: AuditEventFilter, event: AuditEvent): boolean {
  const actual: Required<AuditEventFilter> = {
    namespace: event.caller.namespace,
    pod: event.caller.name,
    rootRequester: event.chain.rootRequester.username,
    effect: event.effect,
    verb: event.attributes.verb,
    resource: event.attributes.resource,
  }
  return matches(filter, actual)
}

/** The bindings in memory, by the same rules as those on disk. */
export function createMemoryPodBindingStore(cluster = UNKNOWN_CLUSTER): PodBindingStore {
  const bindings: PodBinding[] = []
  let enrolled = 0
  const commits = createListeners()

  return {
    async record(binding) {
      const known = bindings.find(({ podUid }) => podUid === binding.podUid)
      if (known !== undefined) {
        if (chainKey(known) === chainKey(binding)) return known
        throw new Fault('binding_conflict', 'The pod is bound to another chain')
      }
      const added = { growth: 0, visits: NO_VISITS, sequence: 0, firstSequence: 0 }
      const recorded = { ...binding, ...added, cluster, sidecarVersion: '' }
      bindings.push(recorded)
      commits.call()
      return recorded
    },
    async markEnrolled(podUid, sidecarVersion) {
      const index = bindings.findIndex((binding) => binding.podUid === podUid)
      const binding = bindings[index]
      if (binding === undefined) return
      if (binding.sequence === 0) enrolled += 1
      const first = binding.sequence === 0 ? { sequence: enrolled, firstSequence: enrolled } : {}
      bindings[index] = { ...binding, ...first, sidecarVersion }
      commits.call()
    },
    async revise(podUid, revise) {
      const index = bindings.findIndex((binding) => binding.podUid === podUid)
      const known = bindings[index]
      if (known === undefined) return undefined
      const { chain, visits } = revise(known)
      const grew = chain !== known.chain
      if (!grew && visits === known.visits) return known
      const moves = known.sequence > 0 && (grew || visitors(visits) !== visitors(known.visits))
      if (moves) enrolled += 1
      const sequence = moves ? enrolled : known.sequence
      const revised = { ...known, chain, visits, sequence, growth: known.growth + Number(grew) }
      bindings[index] = revised
      commits.call()
      return revised
    },
    async find(podUid) {
      return bindings.find((binding) => binding.podUid === podUid)
    },
    async markEnded(podUids, endedAtMs) {
      const noted = podUids.filter((podUid) => {
        const index = bindings.findIndex((binding) => binding.podUid === podUid)
        const known = bindings[index]
        if (known === undefined || known.endedAtMs !== undefined) return false
        const later = bindings.some(
          (other) => isNamesake(known, other) && other.sequence > known.sequence,
        )
        const moves = known.sequence > 0 && !later
        if (moves) enrolled += 1
        bindings[index] = { ...known, sequence: moves ? enrolled : known.sequence, endedAtMs }
        return true
      })
      commits.call()
      return noted
    },
    async listUnended({ afterPosition, limit }) {
      return bindings
        .map((binding, index) => ({ ...toUnended(binding), position: index + 1 }))
        .filter((_, index) => index + 1 > afterPosition && bindings[index]?.endedAtMs === undefined)
        .slice(0, limit)
    },
    async countRunning() {
      return bindings.filter(({ sequence, endedAtMs }) => sequence > 0 && endedAtMs === undefined)
        .length
    },
    async list(filter, { afterSequence, limit }) {
      const found = bindings
        .filter(({ sequence }) => sequence > 0 && sequence > afterSequence)
        .filter((binding) => matchesBinding(filter, binding))
        .sort((a, b) => a.sequence - b.sequence)
      return { bindings: found.slice(0, limit), sequence: enrolled }
    },
    onCommit: commits.add,
  }
}

function isNamesake(one: PodBinding, other: PodBinding): boolean {
  const [pod, namesake] = [one, other].map(toUnended)
  return pod?.namespace === namesake?.namespace && pod?.name === namesake?.name
}

function toUnended({ podUid, chain, boundAtMs }: PodBinding) {
  const { namespace = '', name = '' } = chain.actors.at(-1) ?? {}
  return { podUid, namespace, name, boundAtMs }
}

function visitors({ visitors }: PodBinding['visits']): string {
  return visitors.map(({ username }) => username).join('\n')
}

function matchesBinding(filter: PodBindingFilter, { chain }: PodBinding): boolean {
  const pod = chain.actors.at(-1)
  return matches(filter, {
    namespace: pod?.namespace ?? '',
    pod: pod?.name ?? '',
    rootRequester: chain.rootRequester.username,
  })
}

function chainKey({ chain }: Pick<PodBinding, 'chain'>): string {
  const requesters = [chain.rootRequester, ...chain.coRequesters].map(userKey)
  return JSON.stringify([requesters, chain.actors])
}

function matches<Filter extends object>(filter: Filter, actual: Required<Filter>): boolean {
  return Object.entries(filter).every(
    ([key, value]) => value === undefined || actual[key as keyof Filter] === value,
  )
}

function createListeners(): { add(listener: () => void): () => void; call(): void } {
  const listeners = new Set<() => void>()
  return {
    add(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    call() {
      for (const listener of listeners) listener()
    },
  }
}

/** Chains that never end, of pods that run until the store says otherwise; nothing more is told of them. */
export const NO_STORY = {
  endsAtMs: () => Number.POSITIVE_INFINITY,
  stateOf: ({ endedAtMs }: Pick<PodBinding, 'endedAtMs'>): PodLife =>
    endedAtMs === undefined ? { phase: 'Running' } : { phase: 'Ended', endedAtMs },
  touchesOf: async () => [],
}
