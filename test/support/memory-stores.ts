import { createHash } from 'node:crypto'
import type { PodLife } from '../../control-plane/chains/chain-story.ts'
import type {
  AuditEventFilter,
  AuditEventStore,
  NewAuditEvent,
  RemovalRequest,
} from '../../control-plane/store/audit-event-store.ts'
import type {
  PodBinding,
  PodBindingFilter,
  PodBindingStore,
} from '../../control-plane/store/pod-binding-store.ts'
import {
  decisionBytes,
  type LaterPart,
  outcomeBytes,
  refusalsBytes,
  removalBytes,
  withLater,
} from '../../control-plane/store/record-bytes.ts'
import type { AuditEvent, Outcome, RefusalSummary } from '../../core/audit/audit-event.ts'
import type { Removal } from '../../core/audit/removal.ts'
import { userKey } from '../../core/chain.ts'
import { NO_VISITS } from '../../core/chain-visits.ts'
import { UNKNOWN_CLUSTER } from '../../core/cluster.ts'
import { Fault } from '../../core/fault.ts'

/** The audit log in memory, by the same rules as the one on disk. */
export function createMemoryAuditEventStore(): AuditEventStore {
  const commits = createListeners()
  const log = new MemoryLog(commits.call)
  return {
    append: (event) => log.append(event),
    complete: (podUid, id, outcome) => log.complete(podUid, id, outcome),
    sum: (podUid, id, summary) => log.sum(podUid, id, summary),
    removeOldest: (request) => log.removeOldest(request),
    sweep: async () => 0,
    newest: () => log.bounds().sequence,
    removals: async (limit) => log.removals.toReversed().slice(0, limit),
    get: async (id) => log.events.find((event) => event.id === id),
    async list(filter, { afterSequence, untilSequence = Infinity, limit }) {
      const found = log.events
        .filter(({ sequence }) => sequence > afterSequence && sequence <= untilSequence)
        .filter((event) => matchesEvent(filter, event))
      return { events: found.slice(0, limit), ...log.bounds() }
    },
    async changes(filter, { afterSequence, untilSequence = Infinity, limit }) {
      const found = log.events
        .filter((event) => event.lastSequence > afterSequence)
        .filter((event) => event.lastSequence <= untilSequence && matchesEvent(filter, event))
        .sort((a, b) => a.lastSequence - b.lastSequence)
      return { events: found.slice(0, limit), ...log.bounds() }
    },
    onCommit: commits.add,
  }
}

/** Records in their order, with the events that they make. */
class MemoryLog {
  readonly removals: Removal[] = []
  events: AuditEvent[] = []
  #records: { readonly id: string; readonly bytes: Uint8Array }[] = []
  #sequence = 0
  readonly #committed: () => void

  constructor(committed: () => void) {
    this.#committed = committed
  }

  bounds() {
    return { sequence: this.#sequence, removedUntil: this.removals.at(-1)?.lastSequence ?? 0 }
  }

  async append(event: NewAuditEvent): Promise<void> {
    const sequence = this.#keep(event.id, decisionBytes(event))
    this.events.push({ ...event, sequence, lastSequence: sequence })
    this.#committed()
  }

  async complete(podUid: string, id: string, outcome: Outcome): Promise<void> {
    if (this.#find(podUid, id)?.outcome !== undefined) return
    this.#addLater(podUid, { decisionId: id, outcome }, () => outcomeBytes(id, outcome))
  }

  async sum(podUid: string, id: string, summary: RefusalSummary): Promise<void> {
    this.#addLater(podUid, { decisionId: id, summary }, () => refusalsBytes(id, summary))
  }

  async removeOldest(request: RemovalRequest): Promise<Removal | undefined> {
    const kept = this.events.findIndex((event) => event.decidedAtMs >= request.decidedBeforeMs)
    const old = kept === -1 ? this.events : this.events.slice(0, kept)
    const going = old.slice(0, request.limit)
    const [first, last] = [going[0], going.at(-1)]
    if (first === undefined || last === undefined) return undefined
    const ids = new Set(going.map(({ id }) => id))
    const records = this.#records.filter(({ id }) => ids.has(id))
    const hash = createHash('sha256')
    for (const { bytes } of records) hash.update(bytes)
    const removal: Removal = {
      ...{ removedAtMs: request.nowMs, reason: request.reason },
      ...{ decisions: going.length, records: records.length },
      ...{ firstSequence: first.sequence, lastSequence: last.sequence },
      ...{ firstId: first.id, lastId: last.id },
      ...{ firstDecidedAtMs: first.decidedAtMs, lastDecidedAtMs: last.decidedAtMs },
      sha256: hash.digest('hex'),
    }
    this.events = this.events.slice(going.length)
    this.#records = this.#records.filter(({ id }) => !ids.has(id))
    this.removals.push(removal)
    this.#keep('', removalBytes(removal))
    this.#committed()
    return removal
  }

  #addLater(podUid: string, later: LaterPart, toBytes: () => Uint8Array): void {
    const event = this.#find(podUid, later.decisionId)
    if (event === undefined) return
    const lastSequence = this.#keep(event.id, toBytes())
    const changed = { ...event, ...withLater(event, later), lastSequence }
    this.events[this.events.indexOf(event)] = changed
    this.#committed()
  }

  #find(podUid: string, id: string): AuditEvent | undefined {
    return this.events.find((event) => event.id === id && event.caller.podUid === podUid)
  }

  #keep(id: string, bytes: Uint8Array): number {
    this.#records.push({ id, bytes })
    this.#sequence += 1
    return this.#sequence
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
    async newestOfName(namespace, pod) {
      const named = bindings.filter((binding) => matchesBinding({ namespace, pod }, binding))
      return named.at(-1)?.podUid
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
    async forgetEnded(endedBeforeMs, limit) {
      const gone = bindings
        .filter(({ endedAtMs = Infinity }) => endedAtMs < endedBeforeMs)
        .sort((one, other) => Number(one.endedAtMs) - Number(other.endedAtMs))
        .slice(0, limit)
      for (const binding of gone) bindings.splice(bindings.indexOf(binding), 1)
      return gone.length
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

function toUnended({ podUid, chain, boundAtMs, sequence }: PodBinding) {
  const { namespace = '', name = '' } = chain.actors.at(-1) ?? {}
  return { podUid, namespace, name, boundAtMs, enrolled: sequence > 0 }
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
